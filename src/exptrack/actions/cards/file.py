"""Where a card or statement goes: a file that is made or brought up to date, never one that is somebody else's."""

from __future__ import annotations

import json
import os

from exptrack.actions.cards.merge import Card, merge, new
from exptrack.errors import ExptrackError
from exptrack.files import read_bytes, write_atomic

CARD_NAME = "README.md"  # what the Hub shows
STATEMENT_NAME = "provenance.json"
MOST_BYTES = 64 << 20


def write_card(target: str, card: Card, *, is_forced: bool = False) -> tuple[str, bool]:
    """Write or update a card -> (its path, was it changed?). A folder means its README.md. ExptrackError when the file
    is none of ours or was edited where it is generated (`merge`)."""
    path = _inside(target, CARD_NAME)
    before = _read(path)
    after = new(card) if before is None else merge(before, card, is_forced=is_forced)
    return path, _write(path, before, after)


def write_statement(target: str, text: str, *, is_forced: bool = False) -> tuple[str, bool]:
    """Write a statement over nothing, or over an older one -> (its path, was it changed?)."""
    path = _inside(target, STATEMENT_NAME)
    before = _read(path)
    if before is not None and not is_forced and not _is_statement(before):
        raise ExptrackError(f"{path} is there and is no in-toto statement", "name another file, or --force")
    return path, _write(path, before, text)


def _inside(target: str, name: str) -> str:
    return os.path.join(target, name) if os.path.isdir(target) or target.endswith("/") else target


def _read(path: str) -> str | None:
    try:
        return read_bytes(path, MOST_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValueError) as e:
        said = "it is not text" if isinstance(e, ValueError) else e.strerror
        raise ExptrackError(f"cannot read {path}: {said}", "name another file with -o") from e


def _is_statement(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "predicateType" in value


def _write(path: str, before: str | None, after: str) -> bool:
    if before == after:
        return False
    # Through a link, so that it stays one; the file keeps its mode, a new one has what the umask says.
    real = os.path.realpath(path)
    try:
        mode = os.stat(real).st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0o077)
        os.umask(mask)
        mode = 0o666 & ~mask
    try:
        os.makedirs(os.path.dirname(real), exist_ok=True)
        write_atomic(real, after.encode("utf-8"), mode=mode)
    except OSError as e:
        raise ExptrackError(f"cannot write {path}: {e.strerror}", "name a file that you may write") from e
    return True
