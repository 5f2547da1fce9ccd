"""Every promise of docs/reliability.md names a test that is there: a table that points nowhere promises nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PAGE = ROOT / "docs" / "reliability.md"
# What the page calls the files of tests, as it says above its tables.
SHORT = {name: f"unit/record/test_{name}.py" for name in ("child", "forward", "logs")}
SHORT |= {"e2e": "e2e/test_terminal.py", "hostile": "e2e/test_hostile_store.py"}
WORD = "|".join(SHORT)
CITED = re.compile(rf"\b({WORD})\b|`([a-z0-9_/.]+)\*?`")


def citations() -> list[str]:
    """The last column of every table that calls it "held by", and what the text cites in brackets."""
    found, is_held = [], False
    for line in PAGE.read_text().splitlines():
        if not line.startswith("|"):
            is_held = False
            found += re.findall(rf"\(((?:{WORD}) `[^)]*)\)", line)
            continue
        last = line.strip("| ").rpartition("|")[2].strip()
        if last == "held by":
            is_held = True
        elif is_held and set(last) - set("-"):
            found.append(last)
    return found


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")}


def files_called(name: str) -> list[Path]:
    name = name.removeprefix("tests/").removesuffix(".py")
    return [
        p for p in TESTS.rglob(f"{name.rpartition('/')[2]}.py") if p.with_suffix("").as_posix().endswith(f"/{name}")
    ]


def problems(text: str) -> list[str]:
    """What is cited and is no file of tests, or no part of the name of a test in the file named before it."""
    cited = [match.groups() for match in CITED.finditer(text)]
    wrong = [] if cited else [f"no test in: {text}"]
    short = ""
    for word, name in cited:
        if word:
            short = word
        elif name.removesuffix(".py").rpartition("/")[2].startswith("test_"):
            wrong += [] if files_called(name) else [name]
        elif not short or not any(name in test for test in names_in(TESTS / SHORT[short])):
            wrong.append(f"{short} {name}")
    return wrong


def test_what_is_promised_is_held_by_tests_that_are_there() -> None:
    found = citations()
    assert len(found) > 45, "the tables are read"
    assert [wrong for text in found for wrong in problems(text)] == []


def test_a_name_that_is_gone_is_found() -> None:
    assert problems("child `both_streams_stay_apart`, `no_such_name`; `crash/test_nothing`, `crash/test_steps`") == [
        "child no_such_name",
        "crash/test_nothing",
    ]
    assert problems("by reading") == ["no test in: by reading"]


PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md"), *ROOT.glob("fuzz/*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)\s#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_that_the_code_names_is_there() -> None:
    named = {name for p in (ROOT / "src").rglob("*.py") for name in re.findall(r"\bdocs/[\w-]+\.md", p.read_text())}
    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()
