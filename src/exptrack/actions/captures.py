"""What is looked at beside the child: code, environment, machine, inputs, parameters -> captured.json, part by part.

Each part on its own: one that fails is a warning in the record and takes no other with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from exptrack import wire
from exptrack.actions.written import Since
from exptrack.capture.managed import is_managed
from exptrack.config import Project
from exptrack.frozen import replace
from exptrack.model import Start
from exptrack.record.rundir import CAPTURED, START, RunDir
from exptrack.store.bulk import Bulk
from exptrack.store.place import Store
from exptrack.store.trees import encode_tree
from exptrack.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exptrack.capture.snapshot import Snapshot


class Captures:
    """Runs the parts in order; `data` is what captured.json holds."""

    def __init__(
        self, project: Project, store: Store, run_dir: RunDir, start: Start, environ: Mapping[str, str]
    ) -> None:
        self.project, self.store, self.run_dir = project, store, run_dir
        self.start, self.environ, self.allowed = start, environ, project.config.secret_names_allowed
        self.data: dict[str, Any] = {"warnings": []}
        self.is_own_environment = True

    def go(self, snapshot: Snapshot) -> None:
        """All parts; one that fails is a warning."""
        self._take("code", lambda: self._code(snapshot))
        self._take("environment", self._environment)
        self._take("params", self._params)
        self._take("machine", self._machine)
        self._take("inputs", self._inputs)

    def complete(self, captured: Mapping[str, Any], *, is_same_process: bool) -> None:
        """`captured` is what a recorder that died left: add what can still be said of the run, and say what cannot.

        `is_same_process`: in the supervisor, whose environment is the run's; another one would be a false witness."""
        self.data = {"warnings": [], **captured}
        self.is_own_environment = is_same_process
        parts = {"params": self._params, "inputs": self._inputs}
        if is_same_process:
            parts = {"environment": self._environment, "machine": self._machine, **parts}
        late = [name for name in parts if name not in self.data]
        for name in late:
            self._take(name, parts[name])
        if late:
            self._warn([f"{', '.join(late)}: looked at after the end, not at the start: the recorder ended too early"])
        if lost := [name for name in ("code", "environment", "machine") if name not in self.data and name not in late]:
            self._warn([f"{', '.join(lost)} not captured: the recorder ended too early"])

    def hold(self) -> None:
        """Say in the store that this run lives: until it is sealed nobody names its snapshot, and a `gc` of another
        project on the same store goes by the time (actions/unnamed.py). Damaged when the snapshot is gone."""
        code = self.data.get("code") or {}
        if tree := code.get("tree"):
            self.store.objects.add_bytes(self.store.objects.read(tree))

    def _take(self, name: str, take: Callable[[], Any]) -> None:
        # Written after each part: what is known already outlives a recorder that dies of the next one.
        try:
            self.data[name] = wire.plain(take())
        except Exception as e:  # noqa: BLE001 - any failure of ours is a warning in the record, never one of the run
            self._warn([f"{name} not recorded: {type(e).__name__}: {e}"])
        try:
            self.run_dir.write(CAPTURED, self.data, durable=False)
        except OSError:
            return  # it is here until the end; only a recorder that dies on a full disk loses it

    def _warn(self, warnings: list[str]) -> None:
        self.data["warnings"].extend(warnings)

    def _code(self, snapshot: Snapshot) -> Any:
        bulk = Bulk(self.store.objects.root)
        state, warnings = snapshot.complete(bulk, encode_tree)
        self._warn(warnings)
        try:
            bulk.commit(last=state.tree)
        except OSError as e:
            # The facts of git are known all the same; only the bytes are not safe.
            self._warn([f"the code snapshot could not be stored: {e}"])
            return replace(state, tree=None, files=0)
        finally:
            bulk.drop()
        return state

    def _environment(self) -> Any:
        from exptrack.capture.environment import capture_environment

        found, warnings = capture_environment(
            self.start.command, self.environ, self.start.cwd, self.project.cache, self.allowed
        )
        self._warn(warnings)
        return found

    def _machine(self) -> Any:
        from exptrack.capture.launched import asked_world
        from exptrack.capture.machine import capture_machine

        found = capture_machine(self.environ, self.data["warnings"].append)
        # A launcher the run wraps lies further in than any that started the run.
        return replace(found, scheduler={**found.scheduler, **asked_world(self.start.command)})

    def _inputs(self) -> Any:
        declared = list(self.start.inputs)
        unread: list[Any] = []
        if self.is_own_environment and is_managed(self.environ):
            from exptrack.capture.managed_job import job_inputs

            of_job, unread, reasons = job_inputs(self.environ, declared)
            declared += of_job
            self._warn(reasons)
        if not declared:
            return unread
        from exptrack.capture.inputs import capture_inputs

        since = Since.of(self.start.started_at, self.run_dir.file(START))
        found, warnings = capture_inputs(declared, self.start.cwd, self.project.cache, encode_tree, since.has_bytes_of)
        self._warn(warnings)
        return [*found, *unread]

    def _params(self) -> Any:
        from exptrack.capture import params
        from exptrack.capture.redact import redact_mapping

        named = params.config_files_named(self.start.command, self.start.cwd)
        given = [os.path.join(self.start.cwd, c) for c in self.start.extra.get("configs", ())]
        out: dict[str, Any] = {}
        for path in dict.fromkeys([*named, *given]):
            try:
                # One spelling with the command line, whose flags win: `batch-size` in a file is --batch-size too.
                out |= {k.replace("-", "_"): v for k, v in params.from_config(path, self.allowed).items()}
            except Exception as e:  # noqa: BLE001 - one unreadable file must not cost the others' parameters
                # A data file that happens to be named on the command line is no configuration and no news.
                if path in given or "no table of parameters" not in str(e):
                    self._warn([f"parameters of {path} not read: {e}"])
        if self.is_own_environment and is_managed(self.environ):
            from exptrack.capture.managed_job import job_parameters

            out |= job_parameters(self.environ, self.allowed)
        out |= params.from_command(self.start.command, self.allowed)
        return redact_mapping(out, self.allowed)
