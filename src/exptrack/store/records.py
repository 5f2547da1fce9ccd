"""Manifests, events and promotions: small JSON files, each created once and never changed.

A run that was continued has a manifest an attempt: `<id>.json`, `<id>.2.json`, ... without a gap; the last is the run.

Two writers of one name: link(2) lets exactly one win. A promotion's file name is its number in the model's history, so
creating it is a compare-and-swap without a server. Names that come from users are percent-encoded (RFC 3986).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from exptrack import wire
from exptrack.errors import Damaged, ExptrackError, NoSuchRun, Overtaken
from exptrack.files import read_bytes, write_atomic
from exptrack.lazy import pattern
from exptrack.model import Event, Promotion, RunManifest
from exptrack.store.modes import make_folder, modes_of

ID = pattern(r"[0-9a-z]{16}\Z")
MAX_MODEL_NAME = 200  # percent-encoded; a file name may have 255 bytes
_SEQUENCE = pattern(r"(0|[1-9][0-9]{0,8})\.json\Z")
_MANIFEST = pattern(r"([0-9a-z]{16})(?:\.([1-9][0-9]{0,8}))?\.json\Z")


class Records:
    """The named part of a store; `root` is the store's folder."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.runs, self.events = os.path.join(root, "runs"), os.path.join(root, "events")
        self.promotions_folder = os.path.join(root, "promotions")

    def run_ids(self) -> list[str]:
        """Every sealed run, oldest first (ids sort by time)."""
        return list(self.attempt_counts())

    def attempt_counts(self) -> dict[str, int]:
        """Every sealed run, oldest first -> how many attempts it has; asks only for names."""
        found = {run_id: numbers for run_id, numbers in self._numbers().items() if 1 in numbers}
        return {run_id: _count(numbers) for run_id, numbers in found.items()}

    def stray_attempts(self) -> list[tuple[str, int]]:
        """(run, number) of every manifest that an earlier attempt is missing for: it counts for nothing."""
        return [(i, n) for i, numbers in self._numbers().items() for n in sorted(numbers) if n > _count(numbers)]

    def _numbers(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for name in sorted(_list(self.runs)):
            if (m := _MANIFEST.match(name)) and m[2] != "1":
                found.setdefault(m[1], set()).add(int(m[2] or 1))
        return found

    def attempt_count(self, run_id: str) -> int:
        """How many attempts of a run are sealed; 0 when there is no such run."""
        count = 0
        while self._has_attempt(run_id, count + 1):
            count += 1
        return count

    def has_run(self, run_id: str) -> bool:
        return self._has_attempt(run_id, 1)

    def _has_attempt(self, run_id: str, number: int) -> bool:
        return bool(ID.match(run_id)) and os.path.exists(os.path.join(self.runs, _manifest_name(run_id, number)))

    def manifest_bytes(self, run_id: str, attempt: int | None = None) -> bytes:
        """The file of a run's last attempt, or of attempt number `attempt`; NoSuchRun when there is none."""
        if not ID.match(run_id):
            raise NoSuchRun(f"{run_id!r:.80} is not a run id", "`exptrack ls` lists the runs")
        number = attempt or self.attempt_count(run_id) or 1
        try:
            return _read(os.path.join(self.runs, _manifest_name(run_id, number)), f"manifest of run {run_id}")
        except FileNotFoundError as e:
            which = f"attempt {attempt} of run" if attempt else "run"
            raise NoSuchRun(f"no {which} {run_id}", "`exptrack ls` lists the runs") from e

    def manifest(self, run_id: str, attempt: int | None = None) -> RunManifest:
        """One sealed run as it is, or as it was after `attempt`; NoSuchRun, or Damaged when the file is no manifest or
        not this one."""
        number = attempt or self.attempt_count(run_id) or 1
        what = f"manifest of run {run_id}" + (f", attempt {number}" if number > 1 else "")
        data = self.manifest_bytes(run_id, number if number > 1 else attempt)
        manifest = wire.decode(RunManifest, data, what)
        if manifest.id != run_id:
            raise Damaged(f"{what} says it is run {manifest.id!r:.40}", "`exptrack verify` lists what is damaged")
        if (len(manifest.attempts) or 1) != number:
            said = len(manifest.attempts) or 1
            raise Damaged(f"{what} says it is attempt {said}", "`exptrack verify` lists what is damaged")
        return manifest

    def add_manifest(self, manifest: RunManifest) -> None:
        """Seal a run, or its next attempt, for good. FileExistsError when that was done already: whoever was first is
        right."""
        _check_id(manifest.id, "run")
        self._create(self.runs, _manifest_name(manifest.id, len(manifest.attempts) or 1), wire.encode(manifest))

    def sealed_at(self, run_id: str) -> float:
        """When the last attempt of a run was sealed: seconds since the epoch by the clock that dates the store's files,
        0.0 when it is not there."""
        try:
            return os.stat(os.path.join(self.runs, _manifest_name(run_id, self.attempt_count(run_id) or 1))).st_mtime
        except FileNotFoundError:
            return 0.0

    def event_ids(self) -> list[str]:
        return _ids(self.events)

    def event(self, event_id: str) -> Event:
        """One later word; FileNotFoundError when there is none, Damaged when the file is no event or not this one."""
        _check_id(event_id, "event")
        what = f"event {event_id}"
        found = wire.decode(Event, _read(os.path.join(self.events, event_id + ".json"), what), what)
        if found.id != event_id:
            raise Damaged(f"{what} says it is event {found.id!r:.40}", "`exptrack verify` lists what is damaged")
        return found

    def events_about(self, run_id: str) -> Iterator[Event]:
        """What was said of one run, in order, from the files alone; Damaged for one that names the run and is broken.
        A file that does not hold the run's id is not decoded."""
        needle = run_id.encode()
        for event_id in self.event_ids():
            try:
                is_ours = needle in self.event_bytes(event_id)
            except FileNotFoundError:
                continue
            if is_ours and (event := self.event(event_id)).run == run_id:
                yield event

    def event_bytes(self, event_id: str) -> bytes:
        """The file of one later word, as a promotion that rests on it vouches for it; FileNotFoundError."""
        _check_id(event_id, "event")
        return _read(os.path.join(self.events, event_id + ".json"), f"event {event_id}")

    def add_event(self, event: Event) -> None:
        """FileExistsError when the id is taken."""
        _check_id(event.id, "event")
        self._create(self.events, event.id + ".json", wire.encode(event))

    def models(self) -> list[str]:
        """Every model that was ever promoted, sorted."""
        return sorted(filter(None, map(_model_of, _list(self.promotions_folder))))

    def promotions(self, model: str) -> list[Promotion]:
        """A model's history in order; empty when there is none."""
        return [self.promotion(model, n) for n in self.promotion_numbers(model)]

    def promotion_numbers(self, model: str) -> list[int]:
        """The numbers taken in a model's history, in order; asks only for names."""
        return sorted(int(m[1]) for name in _list(self._model_folder(model)) if (m := _SEQUENCE.match(name)))

    def promotion_path(self, model: str, number: int) -> str:
        """Where one line of a model's history lies."""
        return os.path.join(self._model_folder(model), f"{number}.json")

    def promotion_bytes(self, model: str, number: int) -> bytes:
        """The file of one line of a model's history, as the next line vouches for it."""
        return _read(self.promotion_path(model, number), f"promotion {number} of {model}")

    def promotion(self, model: str, number: int) -> Promotion:
        """One line of a model's history; Damaged when the file is no promotion or not this one."""
        what = f"promotion {number} of {model}"
        found = wire.decode(Promotion, self.promotion_bytes(model, number), what)
        if (found.model, found.sequence) != (model, number):
            raise Damaged(f"{what} says it is {found.model!r:.40} {found.sequence}", "`exptrack verify` lists damage")
        return found

    def add_promotion(self, promotion: Promotion) -> None:
        """Add the next line of a model's history; Overtaken when somebody else has just taken that number."""
        folder = self._model_folder(promotion.model)
        try:
            self._create(folder, f"{promotion.sequence}.json", wire.encode(promotion))
        except FileExistsError as e:
            import shlex  # on use: every run reads this module

            raise Overtaken(
                f"somebody else promoted {promotion.model} meanwhile",
                f"look at `exptrack models {shlex.quote(promotion.model)}` and promote again if it is still right",
            ) from e

    def _model_folder(self, model: str) -> str:
        from urllib.parse import quote

        try:
            name = quote(model, safe="")
        except UnicodeEncodeError:
            name = ""
        # `m@2` is the second promotion of m.
        if not name or "@" in model or name.startswith(".") or len(name) > MAX_MODEL_NAME:
            raise ExptrackError(f"{model!r:.80} cannot name a model", "use letters, digits, `-`, `_` and `/`")
        return os.path.join(self.promotions_folder, name)

    def _create(self, folder: str, name: str, data: bytes) -> None:
        modes = modes_of(os.path.join(self.root, "objects"))
        make_folder(folder, modes)
        write_atomic(os.path.join(folder, name), data, mode=modes.record, create_only=True)


def _manifest_name(run_id: str, number: int) -> str:
    return f"{run_id}.json" if number == 1 else f"{run_id}.{number}.json"


def _count(numbers: set[int]) -> int:
    """How far they go from 1 without a gap."""
    return next(n for n in range(len(numbers) + 1) if n + 1 not in numbers)


def _check_id(text: str, what: str) -> None:
    """Ids become file names, and start.json or an archive may have been written by somebody else."""
    if not ID.match(text):
        raise Damaged(f"{text!r:.80} is not an id of {what}s", "`exptrack verify` lists what is damaged")


def _read(path: str, what: str) -> bytes:
    try:
        return read_bytes(path, wire.MAX_RECORD_BYTES)
    except OSError as e:
        if e.errno in (errno.EFBIG, errno.EINVAL, errno.EISDIR):
            raise Damaged(f"{what} is no record: {e.strerror}", "`exptrack verify` lists what is damaged") from e
        raise


def _model_of(folder: str) -> str:
    """The model whose history lies in a folder of this name; "" for names we do not write: two spellings of one model
    would be two histories."""
    from urllib.parse import quote, unquote  # on use: a run that is sealed has no model, and this is 2 ms

    model = "" if folder.startswith(".") or len(folder) > MAX_MODEL_NAME else unquote(folder)
    return model if quote(model, safe="") == folder and "@" not in model else ""


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _ids(folder: str) -> list[str]:
    return sorted(name[:-5] for name in _list(folder) if name.endswith(".json") and ID.match(name[:-5]))
