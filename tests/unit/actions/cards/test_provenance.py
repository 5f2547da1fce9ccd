"""The statement validates against in-toto's own schema, and says of a run what the record knows."""

from __future__ import annotations

import json
import os
import re
import subprocess

import google.protobuf.json_format as protobuf_json
import pytest
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as StatementMessage

from exptrack.actions.cards.provenance import dir_hash, git_uri, provenance
from exptrack.errors import ExptrackError
from exptrack.model import Artifact, CodeState, Environment, Input, Run, StoredFile
from made import digest_of, file_artifact
from made_runs import full_run, made_run, tree_of


def valid(data):
    """What in-toto and SLSA demand; returns the predicate as SLSA's own message."""
    message = protobuf_json.Parse(json.dumps(data, allow_nan=False), StatementMessage())
    Statement.copy_from_pb(message).validate()
    predicate = protobuf_json.ParseDict(data["predicate"], provenance_pb2.Provenance())
    assert data["predicateType"] == "https://slsa.dev/provenance/v1"
    definition, details = predicate.build_definition, predicate.run_details
    assert definition.build_type
    assert "externalParameters" in data["predicate"]["buildDefinition"]
    assert details.builder.id
    for found in (*definition.resolved_dependencies, *details.byproducts):
        ResourceDescriptor.copy_from_pb(found).validate()
        assert found.uri or found.digest or found.content
    for descriptor in (*message.subject, *definition.resolved_dependencies, *details.byproducts):
        for algorithm, value in descriptor.digest.items():
            assert re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", value), algorithm
    shared = data["predicate"]["buildDefinition"]
    assert not set(shared["externalParameters"]) & set(shared["internalParameters"])
    return predicate


@pytest.fixture
def made(store):
    """A run with something in every section; its folder and code are really in the store."""
    folder = Artifact(
        kind="report",
        path="out/plots",
        digest=tree_of(store, {"a.png": b"a", "deep/b.png": b"b"}),
        size=2,
        files=2,
        is_tree=True,
    )
    code = CodeState(
        commit="c" * 40,
        branch="main",
        remote="https://example.org/x.git",
        dirty=True,
        tree=tree_of(store, {"train.py": b"x", "lib/a.py": b"y"}),
        files=2,
        left_out=(".env",),
    )
    inputs = (
        Input(name="train", path="data", digest="1" * 64, size=7, files=60),
        Input(name="one", path="one.csv", digest="2" * 64, size=7, files=1),
        Input(name="labels", path="labels.csv", digest=None, size=0, files=0),
    )
    environment = Environment(python="3.11.7", packages={"numpy": "2.4.6", "x": "1"}, sources={"x": "-e file:///x"})
    run = full_run(
        artifacts=(file_artifact(store, "model", "out/model.npz", b"weights"), folder),
        code=code,
        inputs=inputs,
        environment=environment,
        expired=(),
        logs={"stdout": "5" * 64},
        points="6" * 64,
        params={"lr": 0.1, "bad": float("nan"), "big": 2**70, "name": None},
    )
    store.records.add_manifest(run.manifest)
    return run


def test_subjects_are_every_file_that_was_kept(store, made):
    done = provenance(store, made)
    valid(done.data)
    assert {s["name"]: s["digest"]["sha256"] for s in done.data["subject"]} == {
        "out/model.npz": digest_of(b"weights"),
        "out/plots/a.png": digest_of(b"a"),
        "out/plots/deep/b.png": digest_of(b"b"),
    }
    assert done.warnings == ()


def test_what_it_was_made_from_and_how(store, made):
    predicate = valid(provenance(store, made, "prod@3").data)
    data = provenance(store, made, "prod@3").data["predicate"]
    definition = data["buildDefinition"]
    assert definition["externalParameters"] == {
        "command": ["python", "train.py"],
        "project": "digits",
        "params": {"bad": "nan", "big": 2**70, "lr": 0.1, "name": None},
        "inputs": {"train": "data", "one": "one.csv", "labels": "labels.csv"},
    }
    assert definition["internalParameters"]["model"] == "prod@3"
    assert definition["internalParameters"]["machine"]["gpus"][0]["name"] == "NVIDIA H100"
    found = {d["name"]: d for d in definition["resolvedDependencies"]}
    assert list(found) == ["code", "commit", "train", "one", "numpy", "x"]
    assert found["code"]["digest"]["sha256"] == made.manifest.code.tree
    assert found["code"]["annotations"] == {"files": 2, "leftOut": [".env"]}
    assert found["commit"]["digest"] == {"gitCommit": "c" * 40}
    assert found["commit"]["uri"] == f"git+https://example.org/x.git@{'c' * 40}"
    assert found["commit"]["annotations"]["uncommittedChanges"] is True
    assert found["train"]["mediaType"].startswith("application/vnd.exptrack.tree")
    assert "mediaType" not in found["one"]
    assert found["numpy"] == {"name": "numpy", "uri": "pkg:pypi/numpy@2.4.6"}
    assert found["x"]["uri"] == "pkg:generic/x@1"
    details = predicate.run_details
    assert details.metadata.invocation_id == made.id
    assert details.metadata.started_on.ToJsonString() == "2026-11-22T21:55:00Z"
    assert [b.name for b in details.byproducts] == ["manifest", "log/stdout", "points"]
    assert details.byproducts[0].digest["sha256"] == digest_of(store.records.manifest_bytes(made.id))
    assert details.builder.version["exptrack-run"] == "0.1.0"


def test_the_dir_hash_is_what_the_line_of_the_specification_prints(tmp_path, store):
    files = {"b.py": b"2", "a/z.py": b"1", "a.py": b"3", "ü.txt": b"4"}
    for name, data in files.items():
        (tmp_path / "t" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / name).write_bytes(data)
    os.symlink("b.py", tmp_path / "t" / "link")
    line = "find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum | cut -f1 -d' '"
    printed = subprocess.run(["sh", "-c", line], cwd=tmp_path / "t", capture_output=True, text=True, check=True).stdout
    stored = [StoredFile(path=p, digest=digest_of(d), size=1) for p, d in files.items()]
    stored.append(StoredFile(path="link", digest=digest_of(b"b.py"), size=4, mode="120000"))
    assert dir_hash(stored) == printed.strip()


@pytest.mark.parametrize(
    ("remote", "wanted"),
    [
        ("https://example.org/x.git", "git+https://example.org/x.git@C"),
        ("ssh://git@example.org:22/x", "git+ssh://git@example.org:22/x@C"),
        ("git@example.org:team/x.git", "git+ssh://example.org/team/x.git@C"),
        ("example.org:/srv/x.git", "git+ssh://example.org/srv/x.git@C"),
        ("/srv/x.git", None),
        ("../x", None),
        (None, None),
    ],
)
def test_where_a_commit_is(remote, wanted):
    assert git_uri(remote, "C") == wanted


def test_a_run_that_knows_nothing_but_its_output(store):
    run = made_run(artifacts=(file_artifact(store, "model", "m", b"m"),), version="")
    store.records.add_manifest(run.manifest)
    done = provenance(store, run)
    valid(done.data)
    assert done.data["predicate"]["buildDefinition"]["resolvedDependencies"] == []


def test_bytes_that_went_leave_their_digests(store, made):
    for digest in (made.manifest.artifacts[1].digest, made.manifest.code.tree):
        os.unlink(store.objects.path(digest))
    done = provenance(store, made)
    valid(done.data)
    assert [s["name"] for s in done.data["subject"]] == ["out/model.npz", "out/plots"]
    assert done.data["subject"][1]["digest"] == {"sha256": made.manifest.artifacts[1].digest}
    assert len(done.warnings) == 2


def test_the_same_file_under_two_kinds_is_one_subject_and_links_are_none(store):
    tree = tree_of(store, {"m": b"m"})
    empty = Artifact(kind="report", path="empty", digest=tree_of(store, {}), size=0, files=0, is_tree=True)
    twice = Artifact(kind="all", path="out", digest=tree, size=1, is_tree=True)
    run = made_run(artifacts=(file_artifact(store, "model", "out/m", b"m"), twice, empty))
    store.records.add_manifest(run.manifest)
    done = provenance(store, run)
    valid(done.data)
    assert [s["name"] for s in done.data["subject"]] == ["out/m", "empty"]


@pytest.mark.parametrize(("status", "said"), [("finished", "kept no outputs"), ("running", "has not ended")])
def test_without_outputs_there_is_nothing_to_attest(store, status, said):
    with pytest.raises(ExptrackError, match=said) as e:
        provenance(store, made_run(status=status))
    assert e.value.exit_code == 1


def test_a_failed_run_says_how_it_ended(store):
    run = made_run(status="failed", exit_code=3, artifacts=(file_artifact(store, "model", "m", b"m"),))
    store.records.add_manifest(run.manifest)
    manifest = provenance(store, run).data["predicate"]["runDetails"]["byproducts"][0]
    assert manifest["annotations"] == {"status": "failed", "exitCode": 3}


def test_names_that_are_no_text(store):
    evil = "caf\udce9\x1b[2J\u202e</script>"
    run = made_run(
        command=(evil,),
        tags={evil: evil},
        params={evil: evil},
        artifacts=(file_artifact(store, evil, evil, b"m"),),
        environment=Environment(packages={evil: evil}),
        code=CodeState(commit="c" * 40, remote=evil, branch=evil),
    )
    store.records.add_manifest(run.manifest)
    done = provenance(store, run)
    valid(done.data)
    json.dumps(done.data, ensure_ascii=False).encode()


def test_ten_thousand_packages_are_all_there(store):
    packages = {f"p{i}": "1" for i in range(10_000)}
    run = made_run(artifacts=(file_artifact(store, "model", "m", b"m"),), environment=Environment(packages=packages))
    assert isinstance(run, Run)
    store.records.add_manifest(run.manifest)
    found = provenance(store, run).data["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert len(found) == 10_000
