"""Where everything of a run goes when it is repeated: a folder per thing, and old paths -> new ones.

WORK/code/<name of the root>  the snapshot, as a repository that knows the recorded commit if that is still there
WORK/environment              the rebuilt environment (inside the code where the old one was)
WORK/inputs, WORK/outside     inputs that lie elsewhere now, and outputs that were written outside the code
"""

from __future__ import annotations

import os

from exptrack.actions.reproducing.relocate import Relocation, is_below, is_mentioned
from exptrack.model import RunManifest


class Layout:
    """Where everything of then is now. `work` exists and is empty; `moved` translates paths."""

    def __init__(self, manifest: RunManifest, work: str) -> None:
        self.manifest, self.work = manifest, work
        root = manifest.code.root
        self.code = os.path.join(work, "code", os.path.basename(root) or "root")
        is_inside = is_below(manifest.cwd, root)
        inside = os.path.relpath(manifest.cwd, root) if is_inside else ""
        self.cwd = os.path.normpath(os.path.join(self.code, inside)) if is_inside else os.path.join(work, "started-in")
        old = manifest.environment.virtualenv or ""
        is_mine = bool(root) and is_below(old, root)
        self.environment = self.code + old[len(root) :] if is_mine else os.path.join(work, "environment")
        self.inputs, self.cache = os.path.join(work, "inputs"), os.path.join(work, "cache")
        self.outside, self.exposed = self._outside()
        self.places = {root: self.code, **self.outside}
        self.moved = Relocation(self.places)

    def _outside(self) -> tuple[dict[str, str], list[str]]:
        """Outputs that were written outside the code: (old -> new place by the name the command calls it, those it does
        not name, which nobody could keep the repeated run from overwriting)."""
        places: dict[str, str] = {}
        exposed = []
        for artifact in self.manifest.artifacts:
            path = artifact.path
            is_safe = not os.path.isabs(path) or is_below(path, self.manifest.code.root)
            if is_safe or any(is_below(path, p) for p in places):
                continue
            named = next((p for p in _upwards(path) if any(is_mentioned(p, w) for w in self.manifest.command)), None)
            if named is None:
                exposed.append(artifact.path)
            else:
                places[named] = os.path.join(self.work, "outside", str(len(places)), os.path.basename(named))
        return places, exposed

    def use_environment(self, prefix: str) -> None:
        """The command's environment is at `prefix`: words that named the old one name that."""
        if old := self.manifest.environment.virtualenv:
            self.places[old] = prefix
            self.moved = Relocation(self.places)

    def move_input(self, old: str, new: str) -> None:
        self.places[old] = new
        self.moved = Relocation(self.places)


def _upwards(path: str) -> list[str]:
    """The path and the folders above it, those right below / excepted: nobody means `/tmp` by an output."""
    out = []
    while path.count("/") > 1:
        out.append(path)
        path = os.path.dirname(path)
    return out
