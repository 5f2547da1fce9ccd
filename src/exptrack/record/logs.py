"""The output a run left: one file a stream, byte for byte, and `chunks`, which says in which order the blocks came.

`chunks` has a line `o 4096` (stdout), `e 120` (stderr) or `t 333` (terminal, or both in one) whenever the stream
changes and at the end; bytes no line accounts for yet belong to the stream that printed last. A full disk costs log
bytes, never the run: writing goes on when there is room again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack

from exptrack.typed import BinaryIO

_KEYS = {"stdout": b"o", "stderr": b"e", "terminal": b"t"}
_NAMES = {key: name for name, key in _KEYS.items()}
_PIECE = 1 << 20
_UNWRITTEN_LIMIT = 1 << 20


class LogFile:
    """Appends to one file; counts what a full or broken disk did not take."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.missing = 0
        self.first_gap = -1
        self.reason = ""
        self._size = 0
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as e:
            self.reason = e.strerror or str(e)

    def append(self, block: bytes | memoryview) -> int:
        """How many bytes of the block the file took; never raises."""
        rest = memoryview(block)
        try:
            while rest and self._fd >= 0:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as e:
            self.reason = e.strerror or str(e)
        written = len(block) - len(rest)
        self._size += written
        if rest:
            self.missing += len(rest)
            if self.first_gap < 0:
                self.first_gap = self._size
        return written

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Logs:
    """The logs of a running run. No method raises: the relay goes on without a log."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: dict[str, LogFile] = {}
        self._chunks = LogFile(os.path.join(folder, "chunks"))
        self._unwritten = b""
        self._name = ""
        self._count = 0
        self._has_lost_order = False

    def open(self, name: str) -> None:
        """`name`: stdout, stderr or terminal."""
        self._files[name] = LogFile(os.path.join(self._folder, name + ".log"))

    def write(self, name: str, block: bytes | memoryview) -> None:
        if name != self._name:
            self._note_chunk()
            self._name = name
        self._count += self._files[name].append(block)

    def _note_chunk(self) -> None:
        if self._count:
            self._unwritten += b"%s %d\n" % (_KEYS[self._name], self._count)
            self._count = 0
            # A line cut by a full disk is finished later: what was not taken stays in front of the next line.
            taken = self._chunks.append(self._unwritten)
            self._unwritten = self._unwritten[taken:]
            if len(self._unwritten) > _UNWRITTEN_LIMIT:
                self._has_lost_order = True
                self._unwritten = b""

    def close(self) -> list[str]:
        """Finish the files; what is missing in them, in words."""
        self._note_chunk()
        warnings = []
        for name, file in self._files.items():
            file.close()
            if file.missing:
                from exptrack.amounts import counted  # hardly ever needed, and this module is loaded before every run

                warnings.append(
                    f"{name}.log is incomplete: {counted(file.missing, 'byte')} could not be written ({file.reason}),"
                    f" the first at byte {file.first_gap}"
                )
        self._chunks.close()
        if self._unwritten or self._has_lost_order:
            warnings.append(f"the order of stdout and stderr was not fully recorded ({self._chunks.reason})")
        return warnings


def replay(files: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """(stream, block) in the order of arrival, blocks of at most 1 MiB.

    `files` gives the paths of "stdout", "stderr", "terminal" and "chunks", as far as they exist. Whatever `chunks` says
    (it may be cut short, or somebody else's), every byte of every log comes exactly once and in its order."""
    with ExitStack() as stack:
        logs = {name: stack.enter_context(open(files[name], "rb")) for name in _KEYS if name in files}
        if "chunks" in files and len(logs) > 1:
            chunks = stack.enter_context(open(files["chunks"], "rb"))
            while entry := read_entry(chunks):
                name, size = entry
                if name in logs:
                    yield from _pieces(name, logs[name], size)
        for name, log in logs.items():
            yield from _pieces(name, log, None)


def read_entry(chunks: BinaryIO) -> tuple[str, int] | None:
    """The next whole and well-formed line; None where there is none."""
    line = chunks.readline(32)
    key, _, size = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or key not in _NAMES or not size.isdigit():
        return None
    return _NAMES[key], int(size)


def _pieces(name: str, log: BinaryIO, size: int | None) -> Iterator[tuple[str, bytes]]:
    while size is None or size > 0:
        block = log.read(_PIECE if size is None else min(size, _PIECE))
        if not block:
            return
        yield name, block
        if size is not None:
            size -= len(block)
