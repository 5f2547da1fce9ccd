"""Every promise of docs/reliability.md names a test that is there: a table that points nowhere promises nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "reliability.md"
# What the page calls the files of tests, as it says above its second table.
SHORT = {n: f"unit/record/test_{n}.py" for n in ("child", "forward", "logs")} | {"e2e": "e2e/test_terminal.py"}
CITED = re.compile(r"(?:\b(child|forward|logs|e2e) )?`([a-z0-9_/.]+\*?)`|\b(logs)$")


def cells() -> list[str]:
    """The last column of the tables that have one called "held by", and what the text cites in brackets."""
    lines, found, is_held = PAGE.read_text().splitlines(), [], False
    for line in lines:
        if not line.startswith("|"):
            is_held = False
            found += re.findall(r"\(((?:child|forward|logs|e2e) `[^)]*)\)", line)
            continue
        last = line.strip("| ").rpartition("|")[2].strip()
        is_held = is_held or last == "held by"
        if is_held and last != "held by" and not set(last) <= set("-| "):
            found.append(last)
    return found


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")}


def missing(cell: str) -> list[str]:
    """What a cell cites that is no test, or no file of tests."""
    short, wrong, cited = "", [], 0
    for match in CITED.finditer(cell):
        short, name, cited = match[1] or match[3] or short, match[2] or "", cited + 1
        folders = ("", "crash/", "e2e/", "unit/record/")
        if not name or name.removesuffix(".py").rpartition("/")[2].startswith("test_"):
            path = SHORT[short] if not name else name.removeprefix("tests/").removesuffix(".py") + ".py"
            if not any((TESTS / folder / path).is_file() for folder in folders):
                wrong.append(name)
        elif short not in SHORT or not any(name.rstrip("*") in n for n in names_in(TESTS / SHORT[short])):
            wrong.append(f"{short} {name}")
    return wrong if cited else [f"no test in: {cell}"]


def test_what_is_promised_is_held_by_tests_that_are_there() -> None:
    found = cells()
    assert len(found) > 40, "the tables are read"
    assert [w for cell in found for w in missing(cell)] == []


def test_a_name_that_is_gone_is_found() -> None:
    assert missing("child `both_streams_stay_apart`, `no_such_name`; `crash/test_nothing`") == [
        "child no_such_name",
        "crash/test_nothing",
    ]
    assert missing("by reading") == ["no test in: by reading"]
