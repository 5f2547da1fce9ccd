"""A wall clock that a test sets: every Python process of a tool reads the time through it; the kernel's stays."""

from __future__ import annotations

from tool import Tool

# Python reads sitecustomize before anything else; exptrack and the training both find their time here.
SITE = """
import os, time
real, path = time.time, os.environ["TEST_CLOCK"]
def now():
    with open(path) as f:
        return real() + float(f.read() or 0)
time.time, time.time_ns = now, lambda: int(now() * 1e9)
gmtime, localtime = time.gmtime, time.localtime
time.gmtime = lambda s=None: gmtime(now() if s is None else s)
time.localtime = lambda s=None: localtime(now() if s is None else s)
"""


class Clock:
    """The clock of all that `tool` starts from now on; right at first."""

    def __init__(self, tool: Tool) -> None:
        self._path = tool.folder.parent / "clock"
        site = tool.folder.parent / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(SITE)
        tool.env |= {"PYTHONPATH": str(site), "TEST_CLOCK": str(self._path)}
        self.set(0)

    def set(self, seconds: float) -> None:
        """So much ahead of the kernel's clock, also for what runs already."""
        # Renamed into place: who reads it at this moment finds one time or the other.
        new = self._path.with_name("clock.new")
        new.write_text(str(seconds))
        new.rename(self._path)
