from __future__ import annotations

import math
import os
from dataclasses import replace

import pytest

from exptrack.actions.diff import diff_runs, is_different
from exptrack.model import Artifact, CodeState, Environment, Gpu, Input, Machine
from exptrack.store.place import open_store
from made_runs import full_run, made_run, metric, run_id, tree_of


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path / "store"), create=True)


def compare(store, before, after, **options):
    """The differences of two runs of the given facts: section -> changes."""
    return diff_runs(store, made_run(1, **before), made_run(2, **after), **options).sections


def short(changes):
    return [(c.kind, c.key, c.before, c.after) for c in changes]


def test_a_run_and_the_same_once_more_do_not_differ(store):
    diff = diff_runs(store, full_run(1), full_run(2, started_at="2026-11-23T00:00:00Z", seconds=101.0, name="again"))
    assert diff.sections == {}
    assert (diff.a, diff.b, is_different(diff)) == (run_id(1), run_id(2), False)


def test_sections_come_in_the_order_of_the_likeliest_cause(store):
    a = full_run(1)
    b = full_run(
        2,
        command=("python", "other.py"),
        params={},
        code=CodeState(commit="e" * 40),
        environment=Environment(python="3.12.0", packages={"numpy": "1"}, variables={"OMP_NUM_THREADS": "8"}),
        machine=Machine(os="Linux", cores=2),
        inputs=(),
        artifacts=(),
        status="failed",
        metrics={},
        seconds=500.0,
    )
    assert list(diff_runs(store, a, b).sections) == [
        "command",
        "params",
        "code",
        "packages",
        "python",
        "variables",
        "machine",
        "inputs",
        "outputs",
        "status",
        "metrics",
        "duration",
    ]


def test_params(store):
    a = {"lr": 0.1, "same": 1, "nan": math.nan, "gone": "x", "typed": 1}
    b = {"lr": 0.2, "same": 1.0, "nan": math.nan, "new": True, "typed": True}
    assert short(compare(store, {"params": a}, {"params": b})["params"]) == [
        ("removed", "gone", "x", None),
        ("changed", "lr", 0.1, 0.2),
        ("added", "new", None, True),
        ("changed", "typed", 1, True),
    ]


def test_command_and_folder(store):
    at = {"code": CodeState(root="/home/ann/digits", tree="d" * 64)}
    elsewhere = {"code": CodeState(root="/tmp/copy", tree="d" * 64)}
    a = {"command": ("python", "train.py", "--lr", "0.1"), "cwd": "/home/ann/digits/src", **at}
    b = {"command": ("python", "train.py"), "cwd": "/home/ann/digits", **at}
    assert short(compare(store, a, b)["command"]) == [
        ("changed", "command", ["python", "train.py", "--lr", "0.1"], ["python", "train.py"]),
        ("changed", "cwd", "src", "."),
    ]
    # The same folder of another checkout is the same place.
    assert compare(store, a, {**a, "cwd": "/tmp/copy/src", **elsewhere}) == {}
    assert short(compare(store, a, {**a, "cwd": "/srv"})["command"]) == [("changed", "cwd", "src", "/srv")]


def test_code_file_by_file_from_the_snapshots_alone(store):
    one = tree_of(store, {"train.py": b"a\nb\n", "old.py": b"x\n", "same.py": b"y\n"})
    two = tree_of(store, {"train.py": b"a\nc\nd\n", "new.py": b"n\n", "same.py": b"y\n"})
    code = compare(store, {"code": CodeState(tree=one)}, {"code": CodeState(tree=two)})["code"]
    assert [(c.kind, c.key, c.added_lines, c.removed_lines) for c in code] == [
        ("added", "new.py", 1, 0),
        ("removed", "old.py", 0, 1),
        ("changed", "train.py", 2, 1),
    ]
    uncounted = compare(store, {"code": CodeState(tree=one)}, {"code": CodeState(tree=two)}, with_code_lines=False)
    assert [(c.key, c.added_lines) for c in uncounted["code"]] == [
        ("new.py", None),
        ("old.py", None),
        ("train.py", None),
    ]


def test_another_commit_of_the_same_files_is_the_same_code(store):
    a, b = CodeState(tree="d" * 64, commit="1" * 40), CodeState(tree="d" * 64, commit="2" * 40, dirty=True)
    assert compare(store, {"code": a}, {"code": b}) == {}


def test_the_commit_is_named_where_the_files_differ(store):
    one, two = tree_of(store, {"a": b"1\n"}), tree_of(store, {"a": b"2\n"})
    code = compare(
        store, {"code": CodeState(tree=one, commit="1" * 40)}, {"code": CodeState(tree=two, commit="2" * 40)}
    )
    assert [c.key for c in code["code"]] == ["commit", "a"]


def test_a_snapshot_that_is_not_there_is_said_and_does_not_stop_the_comparison(store):
    tree = tree_of(store, {"a": b"1\n"})
    sections = compare(
        store,
        {"code": CodeState(tree=tree), "params": {"x": 1}},
        {"code": CodeState(tree="9" * 64), "params": {"x": 2}},
    )
    (change,) = sections["code"]
    assert (change.kind, change.key, change.before, change.after) == ("changed", "snapshot", tree, "9" * 64)
    assert "9" * 12 in change.note
    assert "cannot be compared" in change.note
    assert list(sections) == ["params", "code"]


def test_without_a_snapshot_it_is_said_whose_is_missing(store):
    (change,) = compare(store, {"code": CodeState(tree=None)}, {"code": CodeState(tree="9" * 64)})["code"]
    assert run_id(1) in change.note
    assert compare(store, {"code": CodeState()}, {"code": CodeState()}) == {}


def test_a_file_whose_bytes_are_gone_costs_only_the_counts(store):
    one, two = tree_of(store, {"a": b"1\n", "b": b"1\n"}), tree_of(store, {"a": b"2\n", "b": b"2\n"})
    path = store.objects.path(store.objects.add_bytes(b"2\n"))
    os.unlink(path)
    changes = compare(store, {"code": CodeState(tree=one)}, {"code": CodeState(tree=two)})["code"]
    assert [(c.key, c.added_lines) for c in changes] == [("a", None), ("b", None), ("snapshot", None)]
    assert "lines cannot be counted" in changes[-1].note


def test_outputs_that_lie_among_the_code_are_told_apart(store):
    one = tree_of(store, {"t.py": b"1\n", "src/out/m.txt": b"1\n", "src/outer": b"1\n"})
    two = tree_of(store, {"t.py": b"2\n", "src/out/m.txt": b"2\n", "src/outer": b"2\n"})
    at = {"cwd": "/work/src", "artifacts": (Artifact(kind="m", path="out", digest="1" * 64, size=1, is_tree=True),)}
    changes = compare(
        store, {"code": CodeState(tree=one, root="/work"), **at}, {"code": CodeState(tree=two, root="/work"), **at}
    )["code"]
    assert [(c.key, c.note) for c in changes] == [("src/out/m.txt", "an output"), ("src/outer", None), ("t.py", None)]


def test_packages_and_where_they_came_from(store):
    a = Environment(packages={"numpy": "1.0", "mine": "0.1", "gone": "2"}, sources={"mine": "git+https://x@1"})
    b = Environment(packages={"numpy": "1.1", "mine": "0.1", "new": "3"}, sources={"mine": "git+https://x@2"})
    changes = compare(store, {"environment": a}, {"environment": b})["packages"]
    assert [(c.kind, c.key, c.before, c.after, c.note) for c in changes] == [
        ("removed", "gone", "2", None, None),
        ("added", "new", None, "3", None),
        ("changed", "numpy", "1.0", "1.1", None),
        ("changed", "mine", "git+https://x@1", "git+https://x@2", "source"),
    ]


def test_python_and_variables(store):
    a = Environment(python="3.11.7", executable="/a/python", variables={"OMP_NUM_THREADS": "4", "SLURM_JOB_ID": "1"})
    b = Environment(python="3.12.0", executable="/b/python", variables={"SLURM_JOB_ID": "2"})
    sections = compare(store, {"environment": a}, {"environment": b})
    assert [c.key for c in sections["python"]] == ["executable", "python"]
    assert short(sections["variables"]) == [("removed", "OMP_NUM_THREADS", "4", None)]
    # A command that is no Python has none: that is no difference of versions.
    assert "python" not in compare(store, {"environment": a}, {"environment": Environment()})


def test_machine(store):
    a = Machine(os="Linux 6.1", cpu="EPYC", cores=8, memory=64_000_000_000)
    b = replace(a, memory=64_500_000_000)
    assert compare(store, {"machine": a}, {"machine": b}) == {}
    b = replace(a, memory=128_000_000_000, cores=16)
    changes = compare(store, {"machine": a, "host": "n1"}, {"machine": b, "host": "n2"})["machine"]
    assert [c.key for c in changes] == ["cores", "host", "memory"]
    jobs = compare(
        store,
        {"machine": replace(a, scheduler={"SLURM_JOB_ID": "1", "SLURM_NNODES": "2", "SLURM_NTASKS": "8"})},
        {"machine": replace(a, scheduler={"SLURM_JOB_ID": "2", "SLURM_NNODES": "2", "SLURM_NTASKS": "16"})},
    )
    assert [c.key for c in jobs["machine"]] == ["SLURM_NTASKS"]


def gpus(*names, uuid="GPU-1", driver="550"):
    return Machine(
        gpus=tuple(Gpu(index=i, name=n, uuid=f"{uuid}{i}", memory=80 << 30, driver=driver) for i, n in enumerate(names))
    )


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (gpus("A100", "A100"), gpus("H100"), [("changed", "gpus", ["2 × A100"], ["H100"])]),
        (gpus(), gpus("H100"), [("added", "gpus", None, ["H100"])]),
        (gpus("H100"), gpus(), [("removed", "gpus", ["H100"], None)]),
        (gpus("H100"), gpus("H100", driver="560"), [("changed", "gpu driver", ["550"], ["560"])]),
        (gpus("H100"), gpus("H100", uuid="GPU-2"), [("changed", "gpu uuid", ["GPU-10"], ["GPU-20"])]),
        (gpus("H100", "A100"), gpus("H100", "A100"), []),
    ],
)
def test_gpus(store, a, b, expected):
    assert short(compare(store, {"machine": a}, {"machine": b}).get("machine", ())) == expected


def test_inputs_are_told_apart_by_content_and_not_by_place(store):
    a = Input(name="train", path="data", digest="1" * 64, size=5, files=1)
    assert compare(store, {"inputs": (a,)}, {"inputs": (replace(a, path="/mnt/data"),)}) == {}
    moved = compare(store, {"inputs": (a,)}, {"inputs": (replace(a, digest="2" * 64),)})["inputs"]
    assert [(c.kind, c.key, c.before["digest"], c.after["digest"]) for c in moved] == [
        ("changed", "train", "1" * 64, "2" * 64)
    ]
    gone = compare(store, {"inputs": (a,)}, {"inputs": (replace(a, digest=None),)})["inputs"]
    assert gone[0].after["digest"] is None
    assert [c.kind for c in compare(store, {"inputs": (a,)}, {})["inputs"]] == ["removed"]


def artifact(path, digest, kind="model"):
    return Artifact(kind=kind, path=path, digest=digest * 64, size=5)


def test_outputs(store):
    a = (artifact("m.pt", "1"), artifact("r/1.html", "2", "report"), artifact("s.json", "3", "split"))
    b = (artifact("m.pt", "9"), artifact("r/2.html", "8", "report"), artifact("s.json", "3", "split"))
    changes = compare(store, {"artifacts": a}, {"artifacts": b})["outputs"]
    assert [(c.kind, c.key, c.before["path"], c.after["path"]) for c in changes] == [
        ("changed", "model=m.pt", "m.pt", "m.pt"),
        ("changed", "report=r/2.html", "r/1.html", "r/2.html"),
    ]
    assert compare(store, {"artifacts": a[1:2]}, {"artifacts": (artifact("r/9.html", "2", "report"),)}) == {}
    several = compare(store, {"artifacts": a[:1]}, {"artifacts": (artifact("x", "1"), artifact("y", "1"))})["outputs"]
    assert [c.kind for c in several] == ["removed", "added", "added"]


def test_a_run_that_failed_differs_from_one_that_did_not(store):
    failed = {"status": "failed", "exit_code": 3, "missing": ("metric val/acc",)}
    diff = diff_runs(store, made_run(1), made_run(2, **failed))
    assert short(diff.sections["status"]) == [
        ("changed", "exit_code", 0, 3),
        ("changed", "missing", [], ["metric val/acc"]),
        ("changed", "status", "finished", "failed"),
    ]
    assert is_different(diff)


@pytest.mark.parametrize(
    ("goal", "a", "b", "verdict", "delta"),
    [
        ("max", 0.5, 0.75, "better", 0.25),
        ("max", 0.75, 0.5, "worse", -0.25),
        ("min", 0.75, 0.5, "better", -0.25),
        (None, 0.75, 0.5, None, -0.25),
        ("max", 0.5, math.nan, "worse", None),
        ("min", math.nan, 0.5, "better", None),
        ("min", math.inf, 0.5, "better", None),
        ("max", -math.inf, math.inf, "better", None),
    ],
)
def test_metrics_are_judged_by_their_goal(store, goal, a, b, verdict, delta):
    (change,) = compare(store, {"metrics": {"m": metric(a, goal)}}, {"metrics": {"m": metric(b, goal)}})["metrics"]
    assert (change.kind, change.verdict, change.delta) == ("changed", verdict, delta)


def test_metrics_that_end_alike_are_left_out(store):
    a = {
        "acc": metric(0.5, "max"),
        "nan": metric(math.nan),
        "speed": metric(1.0),
        "gone": metric(2.0),
        "z": metric(1, "max"),
    }
    b = {"acc": metric(0.5, "max", best=0.6), "nan": metric(math.nan), "speed": metric(2.0), "z": metric(2, "max")}
    changes = compare(store, {"metrics": a}, {"metrics": b})["metrics"]
    # What has a goal comes first: it is what the two are compared for.
    assert [(c.kind, c.key) for c in changes] == [("changed", "z"), ("removed", "gone"), ("changed", "speed")]


@pytest.mark.parametrize(
    ("a", "b", "is_shown"),
    [(100.0, 104.0, False), (100.0, 110.0, True), (0.01, 0.09, False), (0.1, 0.5, True), (None, 5.0, False)],
)
def test_only_a_duration_that_tells_something_is_shown(store, a, b, is_shown):
    diff = diff_runs(store, made_run(1, seconds=a), made_run(2, seconds=b))
    assert ("duration" in diff.sections) is is_shown
    assert not is_different(diff)
