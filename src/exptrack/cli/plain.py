"""What scripts read: JSON and CSV on standard output and nothing else, in the order of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from exptrack.cli.humane import UNSAFE, clean
from exptrack.cli.screen import Screen
from exptrack.typed import Any


def print_json(screen: Screen, data: Any) -> None:
    """Plain data: indented on a terminal, one line in a pipe (of a list: one line an element, for grep and diff)."""
    import json

    is_ascii = not screen.encoding.lower().startswith("utf")

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=is_ascii, allow_nan=False, separators=(",", ":"))

    if screen.is_terminal:
        text = json.dumps(data, ensure_ascii=is_ascii, allow_nan=False, indent=2)
    elif isinstance(data, list) and data:
        text = "[\n" + ",\n".join(map(dump, data)) + "\n]"
    else:
        text = dump(data)
    # json leaves DEL, C1 controls and lone surrogates raw: terminals obey the ones, no UTF-8 can carry the others.
    screen.write(UNSAFE.sub(lambda m: m[0] if m[0] == "\n" else f"\\u{ord(m[0]):04x}", text) + "\n")


def print_csv(screen: Screen, rows: Iterable[Sequence[str]]) -> None:
    """Rows as RFC 4180 has them. A terminal gets no control character; a file gets what was recorded."""
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    text = out.getvalue()
    if screen.is_terminal:
        text = clean(text, "\n\t")
    # Bytes of a file name that are no UTF-8 arrive as lone surrogates (PEP 383), which no encoding takes.
    screen.write(text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8"))
