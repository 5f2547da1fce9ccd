"""TensorBoard event files, without TensorBoard: TFRecord frames round `Event` messages
(tensorboard/compat/proto/event.proto).

Scalars as `simple_value` (TF1, PyTorch) and as tensors (TF2), text and hparams. A frame that is not whole yet
waits. Checksums are not checked: a torn frame ends the file as it is, and a wrong length shows as a message that
cannot be read.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress

from exptrack.model import Point
from exptrack.record.metrics.names import split_in
from exptrack.typed import Any

_MOST_AT_ONCE = 32 * 1024 * 1024
_LARGEST = 64 * 1024 * 1024
_SCALARS = {1: "f", 2: "d", 3: "i", 9: "q"}  # tensorflow DataType: float, double, int32, int64
Field = tuple[int, int, Any]


class EventFile:
    """Follows one events.out.tfevents file. `params` are its hparams, `texts` its text summaries."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.params: dict[str, str | float | bool] = {}
        self.texts: dict[str, str] = {}
        self._offset = 0
        parent = os.path.basename(os.path.dirname(os.path.abspath(path)))
        # Keras and SummaryWriter.add_scalars write each split to a folder of its own.
        self._prefix = f"{parent}/" if split_in(parent) and len(parent) < 20 else ""

    def poll(self) -> list[Point]:
        """Points of the events written since the last call, `at` as the program stamped them."""
        try:
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                data = file.read(_MOST_AT_ONCE)
        except OSError:
            return []
        out: list[Point] = []
        at = 0
        while len(data) - at >= 12:
            (length,) = struct.unpack_from("<Q", data, at)
            if length > _LARGEST:
                at = len(data)
                break
            if at + 16 + length > len(data):
                break
            # One message that cannot be read must not hide the ones behind it.
            with suppress(ValueError, IndexError, struct.error):
                self._event(data[at + 12 : at + 12 + length], out)
            at += 16 + length
        self._offset += at
        return out

    def _event(self, message: bytes, out: list[Point]) -> None:
        wall: float | None = None
        step = 0
        for number, _, value in fields(message):
            if number == 1:
                (wall,) = struct.unpack("<d", value)
            elif number == 2:
                step = value - (1 << 64) if value >> 63 else value
            elif number == 5:
                for inner, _, summary in fields(value):
                    if inner == 1:
                        self._value(summary, step, wall, out)

    def _value(self, message: bytes, step: int, wall: float | None, out: list[Point]) -> None:
        tag, scalar, plugin = "", None, b""
        tensor = b""
        for number, wire, value in fields(message):
            if number == 1:
                tag = value.decode("utf-8", "replace")
            elif number == 2 and wire == 5:
                (scalar,) = struct.unpack("<f", value)
            elif number == 8:
                tensor = value
            elif number == 9:
                plugin = next((v for n, _, v in fields(value) if n == 1), b"")
        name = next((v for n, _, v in fields(plugin) if n == 1), b"")
        if name == b"hparams":
            self._hparams(next((v for n, _, v in fields(plugin) if n == 2), b""))
            return
        if scalar is None and tensor:
            scalar, text = tensor_value(tensor)
            if text is not None and (name == b"text" or tag.endswith("/text_summary")):
                self.texts[tag.removesuffix("/text_summary")] = text
        if scalar is not None and name in (b"", b"scalars"):
            out.append(Point(self._prefix + tag, scalar, step, None, wall))

    def _hparams(self, content: bytes) -> None:
        """HParamsPluginData: 3 = SessionStartInfo, whose 1 = map<string, google.protobuf.Value>."""
        start = next((v for n, _, v in fields(content) if n == 3), b"")
        for number, _, entry in fields(start):
            if number != 1:
                continue
            pair = {n: v for n, _, v in fields(entry)}
            for kind, _, value in fields(pair.get(2, b"")):
                key = pair.get(1, b"").decode("utf-8", "replace")
                if kind == 2:
                    (self.params[key],) = struct.unpack("<d", value)
                elif kind == 3:
                    self.params[key] = value.decode("utf-8", "replace")
                elif kind == 4:
                    self.params[key] = bool(value)


def tensor_value(message: bytes) -> tuple[float | None, str | None]:
    """The one number, or the first string, of a TensorProto; (None, None) for a tensor of more than one number."""
    dtype, found = 0, None
    for number, wire, value in fields(message):
        if number == 1:
            dtype = value
        elif number == 8:
            return None, value.decode("utf-8", "replace")
        elif number == 4 and dtype in _SCALARS and len(value) == struct.calcsize(_SCALARS[dtype]):
            (found,) = struct.unpack("<" + _SCALARS[dtype], value)
        elif number in (5, 6) and wire in (1, 2, 5):
            kind = "<f" if number == 5 else "<d"
            if len(value) == struct.calcsize(kind):
                (found,) = struct.unpack(kind, value)
        elif number in (7, 10) and wire == 0:
            found = value
    return (None if found is None else float(found)), None


def fields(message: bytes) -> Iterator[Field]:
    """(number, wire type, value) of each field of a protocol buffer message. ValueError, IndexError: it is cut."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield key >> 3, wire, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > end:
            raise ValueError("cut message")
        yield key >> 3, wire, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("varint too long")
