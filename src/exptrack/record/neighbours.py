"""Other runs at work in the same project at the same time: then a file that changed need not be ours.

It is ours when a process of this run has it open, or when it lies in a folder that this run's command line names.
"""

from __future__ import annotations

import os

from exptrack.files import is_locked
from exptrack.record.rundir import LOCK, PROCESS, START, RunDir

MOST_PROCESSES = 500


class Neighbours:
    """Asked only when a file was found."""

    def __init__(self, run_dir: RunDir, since_ns: int, cwd: str) -> None:
        self._run_dir, self._since, self._cwd = run_dir, since_ns, cwd
        self._folders: list[str] | None = None

    def are_there(self) -> bool:
        """Has any other run of the project begun, ended or gone on since this one began?"""
        live = os.path.dirname(self._run_dir.path)
        try:
            # Run directories are made and removed in it: its mtime tells of runs that are over by now, too.
            if os.stat(live).st_mtime_ns >= self._since:
                return True
            others = [name for name in os.listdir(live) if name != self._run_dir.id]
        except OSError:
            return False
        return any(is_locked(os.path.join(live, name, LOCK)) for name in others)

    def is_ours(self, path: str) -> bool:
        """Is there evidence that this run wrote the file?"""
        if self._folders is None:
            self._folders = self._named_folders()
        if any(path.startswith(folder + os.sep) for folder in self._folders):
            return True
        process = self._run_dir.read(PROCESS) or {}
        pid = process.get("pid")
        return isinstance(pid, int) and path in open_files(pid)

    def _named_folders(self) -> list[str]:
        words = (self._run_dir.read(START) or {}).get("command", [])
        here = os.path.realpath(self._cwd)
        out = []
        for word in words:
            if isinstance(word, str) and word:
                path = os.path.realpath(os.path.join(here, word.rpartition("=")[2]))
                # The working folder itself, or one above it, says nothing: everybody works there.
                if os.path.isdir(path) and not (here + os.sep).startswith(path.rstrip(os.sep) + os.sep):
                    out.append(path)
        return out


def open_files(pid: int) -> set[str]:
    """Files that a process and its descendants have open now; none where there is no /proc."""
    out: set[str] = set()
    waiting, seen = [pid], 0
    while waiting and seen < MOST_PROCESSES:
        process = waiting.pop()
        seen += 1
        base = f"/proc/{process}"
        try:
            for fd in os.listdir(f"{base}/fd"):
                out.add(os.readlink(f"{base}/fd/{fd}"))
        except OSError:
            pass  # a descriptor, or the process, went away meanwhile: the next look asks again
        try:
            for thread in os.listdir(f"{base}/task"):
                with open(f"{base}/task/{thread}/children", "rb") as file:
                    waiting += [int(child) for child in file.read().split()]
        except OSError:
            continue
    return out
