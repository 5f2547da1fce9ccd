"""Replicates: runs of one configuration that differ in nothing but their seeds.

Finished runs of the same project, with the same parameters and words of the command (seeds aside), the same inputs by
digest and the same code. Found in the manifests and not in the index: promotions are decided by it. A run of the same
seeds again is no second replicate; where no seed was recorded, the number it came to stands for it.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache

from exptrack import wire
from exptrack.errors import Damaged, NoSuchRun
from exptrack.model import CodeState, RunManifest
from exptrack.store.place import Store
from exptrack.store.trees import decode_tree
from exptrack.typed import Any, NamedTuple

_SEED = re.compile(r"(?:^|[_-])seed(?:$|[_-])|seed$|^random_?state$", re.I)
IsSeed = Callable[[str], bool]
Files = Mapping[str, tuple[str, str]]


PARAMETER = "the parameter"


class Replicates(NamedTuple):
    """Manifests of one configuration, newest first, the run that was asked for before all. `near`: how many runs of
    other seeds lack but one thing, by what it is; not the values of a setting that was tried out."""

    runs: tuple[RunManifest, ...]
    near: Mapping[str, int]

    def distinct(self, metric: str, is_seed: IsSeed) -> list[RunManifest]:
        """One run for each seed, of those that have the metric."""
        found: dict[object, RunManifest] = {}
        for run in self.runs:
            if metric in run.metrics:
                found.setdefault(_draw(run.params, is_seed) or repr(run.metrics[metric].last), run)
        return list(found.values())


def seed_rule(names: Sequence[str]) -> IsSeed:
    """Which parameters are only seeds: those that `[params] seeds` names (globs; `-` and `_` are one), else those that
    are called like one: seed, *_seed, trainer.seed, random_state."""
    patterns = [n.replace("-", "_") for n in names]

    def is_seed(name: str) -> bool:
        if patterns:
            return any(fnmatchcase(name.replace("-", "_"), p) for p in patterns)
        return _looks_like_seed(name)

    return is_seed


def _looks_like_seed(name: str) -> bool:
    return _SEED.search(re.split(r"[./:]", name)[-1]) is not None


def _draw(params: Mapping[str, Any], is_seed: IsSeed) -> tuple[tuple[str, Any], ...]:
    """The seeds among a run's parameters. Of those that the policy names only real seeds, if there are any: an output
    folder with another name makes no other draw."""
    varying = [(k, v) for k, v in sorted(params.items()) if is_seed(k) and v is not None]
    return tuple((k, v) for k, v in varying if _looks_like_seed(k)) or tuple(varying)


def replicates_of(store: Store, runs: Sequence[RunManifest], is_seed: IsSeed) -> list[Replicates]:
    """The replicates of each of these runs, themselves among them, in one pass over the store."""
    asked = [_Configuration(store, run, is_seed) for run in runs]
    for run_id, raw in _glances(store):
        for one in asked:
            if run_id != one.run.id:
                one.consider(run_id, raw)
    return [Replicates((one.run, *reversed(one.found)), one.told()) for one in asked]


def _glances(store: Store) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every manifest as plain JSON: a fifth of the time that decoding it takes. One that cannot be read is no evidence
    for anybody; `verify` names it."""
    for run_id in store.records.run_ids():
        try:
            raw = wire.load(store.records.manifest_bytes(run_id), f"manifest of run {run_id}")
        except (Damaged, NoSuchRun):
            continue
        if isinstance(raw, dict) and raw.get("status") == "finished":
            yield run_id, raw


class _Configuration:
    """What the replicates of one run must agree in, and those found so far."""

    def __init__(self, store: Store, run: RunManifest, is_seed: IsSeed) -> None:
        self.store, self.run, self.is_seed = store, run, is_seed
        self.params = self._settings(wire.plain(run.params))
        self.words = self._words(run.command)
        self.inputs = _inputs(wire.plain(run.inputs))
        # The run's own tree and that of the run being looked at.
        self.read_tree = lru_cache(maxsize=2)(lambda tree: _files(store, tree))
        self.found: list[RunManifest] = []
        self.near: Counter[str] = Counter()
        self.tried: dict[str, set[str]] = defaultdict(set)
        self.draw = _draw(run.params, is_seed)

    def consider(self, run_id: str, raw: Mapping[str, Any]) -> None:
        """Keep the run if it is a replicate; note what it lacks if that is one thing only. Few have to be decoded."""
        params, command, inputs = raw.get("params"), raw.get("command"), raw.get("inputs")
        if raw.get("project") != self.run.project or not isinstance(params, dict) or not isinstance(command, list):
            return
        other = self._settings(params)
        names = other.keys() | self.params.keys()
        differing = [k for k in names if k not in other or k not in self.params or other[k] != self.params[k]]
        reasons = [f"{PARAMETER} {k}" for k in differing]
        # A parameter that differs is a word that differs: not two things.
        if not reasons and self._words(list(map(str, command))) != self.words:
            reasons.append("the command")
        if len(reasons) < 2 and _inputs(inputs if isinstance(inputs, list) else ()) != self.inputs:
            reasons.append("inputs")
        if len(reasons) > 1 or (reasons and not self._may_be_same_code(raw.get("code"))):
            return
        if not reasons:
            self._take(run_id)
        elif _draw(params, self.is_seed) != self.draw:
            self.near[reasons[0]] += 1
            self.tried[reasons[0]].add(repr(differing and other.get(differing[0])))

    def _may_be_same_code(self, code: Any) -> bool:
        """At a glance: outputs left lying in the snapshot are not looked for."""
        own = self.run.code
        return isinstance(code, dict) and (code.get("tree") == own.tree or code.get("commit") == own.commit)

    def _take(self, run_id: str) -> None:
        try:
            manifest = self.store.records.manifest(run_id)
        except (Damaged, NoSuchRun):
            return
        if is_same_code(self.run, manifest, self.read_tree):
            self.found.append(manifest)
        elif _draw(manifest.params, self.is_seed) != self.draw:
            self.near["code"] += 1

    def told(self) -> dict[str, int]:
        """What perhaps was meant as a replicate: of a parameter that differs each time, as an output folder does."""
        return {
            what: count
            for what, count in self.near.items()
            if not what.startswith(PARAMETER) or len(self.tried[what]) == count
        }

    def _settings(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in params.items() if not self.is_seed(k)}

    def _words(self, command: Sequence[str]) -> list[str]:
        """The words of a command without its seeds, in any order: `--lr 1 --wd 0` is `--wd 0 --lr 1`."""
        return sorted(word for word, belongs in seeds_in(command, self.is_seed) if not belongs)


def seeds_in(command: Sequence[str], is_seed: IsSeed) -> Iterator[tuple[str, bool]]:
    """Each word, with SEED where a seed's value stood, and whether it belongs to a seed."""
    is_value = False
    for word in command:
        if is_value and not re.match(r"--?[A-Za-z]", word):
            yield "SEED", True
            is_value = False
            continue
        name, equals, _ = word.partition("=")
        belongs = (word.startswith("-") or bool(equals)) and is_seed(name.lstrip("-+~"))
        yield (name + "=SEED" if belongs and equals else word), belongs
        is_value = belongs and not equals


def _inputs(inputs: Sequence[Any]) -> dict[Any, Any]:
    """Name -> digest."""
    return {i.get("name"): i.get("digest") for i in inputs if isinstance(i, dict)}


def is_same_code(a: RunManifest, b: RunManifest, read_tree: Callable[[str], Files]) -> bool:
    """The same snapshot, the same commit with nothing uncommitted, or snapshots that differ only in what the two runs
    left as outputs (a folder git does not ignore). Code nobody recorded is not the same as any."""
    x, y = a.code, b.code
    if x.tree and x.tree == y.tree:
        return True
    if x.commit and x.commit == y.commit and x.dirty is False and y.dirty is False:
        return True
    if not x.tree or not y.tree:
        return False
    try:
        mine, theirs = read_tree(x.tree), read_tree(y.tree)
    except Damaged:
        return False
    differing = [p for p in mine.keys() | theirs.keys() if mine.get(p) != theirs.get(p)]
    made = {*_made(a, x), *_made(b, y)}
    return all(any(path == m or path.startswith(m + "/") for m in made) for path in differing)


def _files(store: Store, tree: str) -> Files:
    return {f.path: (f.digest, f.mode) for f in decode_tree(store.objects.read(tree))}


def _made(run: RunManifest, code: CodeState) -> Iterator[str]:
    """Kept outputs as paths of the snapshot."""
    for artifact in run.artifacts:
        yield os.path.relpath(os.path.join(run.cwd, artifact.path), code.root or run.cwd)
