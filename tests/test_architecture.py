"""The house rules of docs/architecture.md, held by `ast` alone: floors, rooms, cycles, sizes, owners of libraries."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src" / "exptrack"
FLOOR = {"capture": 1, "record": 1, "store": 1, "actions": 2, "cli": 3}
OWNERS = {
    "typer": {"cli"},
    "rich": {"cli"},
    "sqlite3": {"store/index.py", "store/rebuild.py", "store/schema.py", "store/indexed_trees.py", "store/sync.py"},
    "sqlite_utils": {"store/rebuild.py"},
    "git": {"capture/code.py", "capture/git.py"},
    "pynvml": {"capture/machine.py", "capture/gpus.py"},
    "pty": {"record/child.py", "record/terminal.py"},
    "termios": {"record/child.py", "record/terminal.py"},
}
MODULE_LINES = 320
FUNCTION_LINES = 45
BAD_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def modules() -> dict[str, ast.Module]:
    out = {}
    for path in sorted(SRC.rglob("*.py")):
        parts = ("exptrack", *path.relative_to(SRC).with_suffix("").parts)
        out[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text())
    return out


MODULES = modules()


def imports(tree: ast.Module, *, at_top: bool = False) -> set[str]:
    """Names of imported modules; `from exptrack.x import y` counts as exptrack.x.y when that is a module."""
    found = set()
    nodes = [n for s in tree.body for n in _outside_functions(s)] if at_top else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{a.name}" for a in node.names}
            found |= {name if name in MODULES else node.module for name in full}
    return found


def _outside_functions(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return []
    return [node, *(m for child in ast.iter_child_nodes(node) for m in _outside_functions(child))]


def room(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in FLOOR else ""


@pytest.mark.parametrize("name", MODULES)
def test_imports_only_go_down(name: str) -> None:
    if name == "exptrack.__main__":
        return  # the door: it opens cli
    for other in imports(MODULES[name]):
        if not other.startswith("exptrack."):
            continue
        mine, theirs = FLOOR.get(room(name), 0), FLOOR.get(room(other), 0)
        assert theirs <= mine, f"{name} (floor {mine}) imports {other} (floor {theirs})"
        if mine == theirs == 1:
            assert room(name) == room(other), f"rooms of floor 1 do not know each other: {name} imports {other}"


def test_there_are_no_import_cycles() -> None:
    graph = {n: {o for o in imports(t) if o in MODULES and o != n} for n, t in MODULES.items()}
    list(TopologicalSorter(graph).static_order())


def test_the_bottom_floor_is_standard_library_only() -> None:
    import sys

    # Its sha256 under the names of 3.11 and of 3.12.
    standard = {*sys.stdlib_module_names, "exptrack", "_sha256", "_sha2"}
    for name, tree in MODULES.items():
        if FLOOR.get(room(name), 0) == 0 and name != "exptrack.__main__":
            foreign = {i for i in imports(tree) if i.split(".")[0] not in standard}
            assert not foreign, f"{name} imports {foreign}"


@pytest.mark.parametrize("library", OWNERS)
def test_one_owner_per_library(library: str) -> None:
    for name, tree in MODULES.items():
        if any(i.split(".")[0] == library for i in imports(tree)):
            path = "/".join(name.split(".")[1:]) + ".py"
            assert path in OWNERS[library] or room(name) in OWNERS[library], f"{name} imports {library}"


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=lambda p: str(p.relative_to(SRC)))
def test_modules_and_functions_have_one_job(path: Path) -> None:
    assert path.stem not in BAD_NAMES
    text = path.read_text()
    assert len(text.splitlines()) <= MODULE_LINES, "two jobs? split by job"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= FUNCTION_LINES, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", sorted(SRC.rglob("*.py")), ids=lambda p: str(p.relative_to(SRC)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    doc = ast.get_docstring(ast.parse(path.read_text()))
    assert doc
    assert len(doc.splitlines()) <= 12, "purpose and invariant; the rest belongs into docs/"


def test_nothing_dangerous_is_used() -> None:
    for name, tree in MODULES.items():
        assert not imports(tree) & {"pickle", "marshal", "shelve", "dill", "cloudpickle"}, name
        assert "shell=True" not in ast.unparse(tree), name
