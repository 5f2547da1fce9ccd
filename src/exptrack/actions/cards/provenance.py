"""An in-toto Statement v1 with a SLSA Provenance v1 predicate of one run (docs/provenance.md).

in-toto.io/Statement/v1 and slsa.dev/provenance/v1; every digest is as the record has it, nothing is read again but the
lists of files of folders. The statement is not signed: who wants that hands it to a signer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence

from exptrack.actions.cards.purl import package_url
from exptrack.actions.holdings import files_of, tree_of
from exptrack.errors import Damaged, ExptrackError
from exptrack.model import Artifact, Input, Run, RunManifest, StoredFile
from exptrack.store.place import Store
from exptrack.typed import Any, NamedTuple
from exptrack.wire import plain

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
# Purls, since they are URIs that name what is meant wherever it is hosted; the subpath is the page that explains them.
BUILDER = "pkg:pypi/exptrack-run#docs/provenance.md"
BUILD_TYPE = "pkg:pypi/exptrack-run?buildtype=run-v1#docs/provenance.md"
TREE = "application/vnd.exptrack.tree+jsonl"
LINK = "120000"
_SCP = re.compile(r"(?:[^/@:]+@)?([^/:]+):(?!//)(.+)\Z")

JsonObject = dict[str, Any]


class Statement(NamedTuple):
    """Plain JSON data; `warnings`: what it could not say."""

    data: JsonObject
    warnings: tuple[str, ...]


def provenance(store: Store, run: Run, model: str | None = None) -> Statement:
    """The statement about a run's outputs. ExptrackError (exit 1) when it has none, or has not ended: in-toto wants a
    subject. `model`: the model it was asked for as, as MODEL@N."""
    m = run.manifest
    if run.status == "running":
        raise ExptrackError(f"run {run.id} has not ended: its outputs are not known yet", "wait until it has ended", 1)
    if not m.artifacts:
        raise ExptrackError(
            f"run {run.id} kept no outputs: there is nothing to attest", "`exptrack run -o model=PATH`", 1
        )
    warnings: list[str] = []
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": _external(m),
            "internalParameters": _internal(run, model),
            "resolvedDependencies": [*_code(store, m, warnings), *_inputs(m.inputs), *_packages(m)],
        },
        "runDetails": {
            "builder": {"id": BUILDER, "version": {"exptrack-run": m.version or "unknown"}},
            "metadata": _known(invocationId=m.id, startedOn=m.started_at, finishedOn=m.ended_at),
            "byproducts": list(_byproducts(store, run)),
        },
    }
    subjects = list(_subjects(store, m.artifacts, warnings))
    data = {"_type": STATEMENT_TYPE, "subject": subjects, "predicateType": PREDICATE_TYPE, "predicate": predicate}
    return Statement(_valid_text(data), tuple(warnings))


def _subjects(store: Store, artifacts: Sequence[Artifact], warnings: list[str]) -> Iterator[JsonObject]:
    """Every file that was kept, once; a folder as a whole where its files cannot be told any more."""
    told: set[tuple[str, str]] = set()
    for a in artifacts:
        for found in _files(store, a, warnings):
            if (found["name"], found["digest"]["sha256"]) not in told:
                told.add((found["name"], found["digest"]["sha256"]))
                yield found


def _files(store: Store, a: Artifact, warnings: list[str]) -> Iterator[JsonObject]:
    kind = {"kind": a.kind}
    whole = {"name": a.path, "digest": {"sha256": a.digest}, "annotations": {**kind, "size": a.size}}
    if not a.is_tree:
        yield whole
        return
    try:
        files = [f for f in files_of(store, a) if f.mode != LINK]
    except Damaged as e:
        warnings.append(f"{a.path} is named as a whole: the list of its files cannot be read ({e.message})")
        files = []
    for f in files:
        size = {**kind, "size": f.size}
        yield {"name": f"{a.path}/{f.path}", "digest": {"sha256": f.digest}, "annotations": size}
    if not files:
        yield {**whole, "mediaType": TREE}


def _external(m: RunManifest) -> JsonObject:
    """What the user gave: it can be checked against what was expected."""
    params = {k: plain(v) for k, v in sorted(m.params.items())}
    given = _known(command=list(m.command), project=m.project, params=params)
    return given | {"inputs": {i.name: i.path for i in m.inputs}} if m.inputs else given


def _internal(run: Run, model: str | None) -> JsonObject:
    m, e = run.manifest, run.manifest.environment
    machine = {k: v for k, v in plain(m.machine).items() if v}
    python = _known(version=e.python, implementation=e.implementation, executable=e.executable)
    facts = _known(name=m.name, group=m.group, author=m.author, host=m.host, workingDirectory=m.cwd, model=model)
    return facts | {
        "tags": dict(sorted(run.tags.items())),
        "machine": machine,
        "python": python,
        "variables": dict(sorted(e.variables.items())),
    }


def _code(store: Store, m: RunManifest, warnings: list[str]) -> Iterator[JsonObject]:
    code = m.code
    if code.tree:
        digest = {"sha256": code.tree}
        try:
            digest["dirHash"] = dir_hash(tree_of(store, code.tree))
        except Damaged as e:
            warnings.append(f"the code has no dirHash: {e.message}")
        told = _known(files=code.files, leftOut=list(code.left_out) or None)
        yield {"name": "code", "digest": digest, "mediaType": TREE, "annotations": told}
    if code.commit:
        found = {"name": "commit", "digest": {"gitCommit": code.commit}}
        uri = git_uri(code.remote, code.commit)
        told = _known(branch=code.branch, uncommittedChanges=code.dirty)
        yield found | ({"uri": uri} if uri else {}) | ({"annotations": told} if told else {})


def git_uri(remote: str | None, commit: str) -> str | None:
    """`git+URL@COMMIT` (SPDX 2.3, package download location), also of git's `user@host:path`; None for a local path."""
    if not remote:
        return None
    if "://" not in remote:
        m = _SCP.match(remote)
        if not m:
            return None
        remote = f"ssh://{m[1]}/{m[2].lstrip('/')}"
    return f"git+{remote.removeprefix('git+')}@{commit}"


def dir_hash(files: Sequence[StoredFile]) -> str:
    """in-toto's `dirHash` (digest_set.md): what
    `find . -type f | cut -c3- | LC_ALL=C sort | xargs -r sha256sum | sha256sum` prints in the folder."""
    rows = [(f.path.encode("utf-8", "surrogateescape"), f.digest) for f in files if f.mode != LINK]
    return hashlib.sha256(b"".join(b"%s  %s\n" % (d.encode(), p) for p, d in sorted(rows))).hexdigest()


def _inputs(inputs: Sequence[Input]) -> Iterator[JsonObject]:
    """What was read, by digest; of a folder or glob it is that of the list of its files. One file alone may be either:
    the record does not say."""
    for i in inputs:
        if i.digest:
            found: JsonObject = {"name": i.name, "digest": {"sha256": i.digest}}
            told = {"path": i.path, "size": i.size, "files": i.files}
            yield found | ({"mediaType": TREE} if i.files != 1 else {}) | {"annotations": told}


def _packages(m: RunManifest) -> Iterator[JsonObject]:
    e = m.environment
    for name, version in sorted(e.packages.items()):
        yield {"name": name, "uri": package_url(name, version, e.sources.get(name))}


def _byproducts(store: Store, run: Run) -> Iterator[JsonObject]:
    """The record itself, with how the run ended; the log; the points of the metrics."""
    m = run.manifest
    record = hashlib.sha256(store.records.manifest_bytes(run.id)).hexdigest()
    ended = _known(status=run.status, exitCode=m.exit_code, signal=m.signal)
    yield {"name": "manifest", "digest": {"sha256": record}, "mediaType": "application/json", "annotations": ended}
    for stream, digest in sorted(m.logs.items()):
        yield {"name": f"log/{stream}", "digest": {"sha256": digest}}
    if m.points:
        yield {"name": "points", "digest": {"sha256": m.points}, "mediaType": "application/jsonl"}


def _known(**facts: Any) -> JsonObject:
    return {k: v for k, v in facts.items() if v is not None}


def _valid_text(value: Any) -> Any:
    """Bytes of names that are no UTF-8 stand as lone surrogates (PEP 383), which no protobuf takes: as `\\udcff` they
    are text."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_valid_text(k): _valid_text(v) for k, v in value.items()}
    return [_valid_text(v) for v in value] if isinstance(value, list) else value
