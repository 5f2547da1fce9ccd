"""Paths of then -> paths of now, in single paths and wherever a command line or a variable mentions one.

Whole paths only: `/work` is in `--data=/work/x`, `file:///work` and `cd /work && ls`, and not in `/work2` or `/a/work`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


class Relocation:
    """Old absolute folders and files -> new ones; of two that fit, the longer counts."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = {k.rstrip("/"): v.rstrip("/") for k, v in places.items() if k.rstrip("/")}
        longest_first = sorted(self.places, key=len, reverse=True)
        one = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(rf"(?:(?<=file://)|(?<![\w./-]))({one})(?![\w.-])") if one else None

    def text(self, text: str) -> str:
        """A text with every mention of an old place as the new one."""
        return self._pattern.sub(lambda m: self.places[m[1]], text) if self._pattern else text

    def path(self, path: str) -> str:
        """One absolute path; itself when it lies in none of the old places."""
        for old in sorted(self.places, key=len, reverse=True):
            if path == old or path.startswith(old + "/"):
                return self.places[old] + path[len(old) :]
        return path

    def mentions(self, text: str) -> list[str]:
        """The old places a text names."""
        return list(dict.fromkeys(self._pattern.findall(text))) if self._pattern else []


def is_mentioned(path: str, text: str) -> bool:
    """Does a text name this path, or something below it?"""
    return bool(Relocation({path: path}).mentions(text))


def is_below(path: str, folder: str) -> bool:
    """Is `path` the folder or inside it? Both absolute; judged by their text."""
    return bool(folder) and (path == folder or path.startswith(folder.rstrip("/") + "/"))
