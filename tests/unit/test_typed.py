"""The named tuples made without `typing` against the standard's, for every one in the program; and what stands for the
rest of `typing` at run time."""

from __future__ import annotations

import ast
import collections
import copy
import importlib
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import exptrack
from exptrack.typed import NamedTuple

SRC = Path(exptrack.__file__).parent


def written() -> list[tuple[str, str]]:
    """(module, class) of every named tuple in the source."""
    found = []
    for path in sorted(SRC.rglob("*.py")):
        module = ".".join(("exptrack", *path.relative_to(SRC).with_suffix("").parts))
        found += [
            (module, node.name)
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.ClassDef) and [ast.unparse(b) for b in node.bases] == ["NamedTuple"]
        ]
    return found


class Pair(NamedTuple):
    """Two, the second of which need not be given."""

    left: int
    right: str = "r"

    @property
    def both(self) -> str:
        return f"{self.left}{self.right}"


def twin_of(cls: Any) -> Any:
    """The same as the standard library makes it."""
    return collections.namedtuple(cls.__name__, cls._fields, defaults=cls._field_defaults.values())


def test_there_are_named_tuples_to_compare() -> None:
    assert len(written()) > 90


@pytest.mark.parametrize(("module", "name"), written())
def test_each_is_as_the_standard_makes_it(module: str, name: str) -> None:
    cls = getattr(importlib.import_module(module), name)
    twin = twin_of(cls)
    given = list(range(len(cls._fields)))
    few = given[: len(given) - len(cls._field_defaults)]
    named = dict(zip(cls._fields, given, strict=True))
    assert cls._fields == twin._fields == cls.__match_args__ == tuple(cls.__annotations__)
    assert cls._field_defaults == twin._field_defaults
    for ours, theirs in (
        (cls(*given), twin(*given)),
        (cls(*few), twin(*few)),
        (cls(**named), twin(**named)),
        (cls._make(given), twin._make(given)),
        (cls(*given)._replace(**{cls._fields[0]: "x"}), twin(*given)._replace(**{cls._fields[0]: "x"})),
    ):
        assert ours == theirs
        assert tuple(ours) == tuple(theirs)
        assert ours._asdict() == theirs._asdict()
        assert [getattr(ours, f) for f in cls._fields] == list(theirs)
        assert type(ours) is cls
    if "__repr__" not in vars(cls):
        assert repr(cls(*given)) == repr(twin(*given))
    assert cls.__hash__ is tuple.__hash__
    assert not hasattr(cls(*given), "__dict__")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ((), {}),
        ((1, 2, 3), {}),
        ((1,), {"left": 1}),
        ((1,), {"middle": 1}),
        ((), {"right": "x"}),
        ((1, 2), {"right": 1}),
    ],
)
def test_what_does_not_fit_is_refused_as_by_the_standard(given: tuple[int, ...], named: dict[str, Any]) -> None:
    for cls in (Pair, twin_of(Pair)):
        with pytest.raises(TypeError):
            cls(*given, **named)


def test_replacing_and_making_refuse_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="middle"):
        Pair(1)._replace(middle=2)
    with pytest.raises(TypeError, match="2 fields"):
        Pair._make([1, 2, 3])
    with pytest.raises(AttributeError):
        Pair(1).left = 2


def test_they_can_be_matched_copied_and_carried() -> None:
    match Pair(1, "b"):
        case Pair(left, right=right):
            assert (left, right) == (1, "b")
    assert Pair(1).both == "1r"
    assert copy.copy(Pair(1)) == copy.deepcopy(Pair(1)) == Pair(1)
    assert pickle.loads(pickle.dumps(Pair(3))) == Pair(3)
    assert Pair.__doc__ == "Two, the second of which need not be given."


def test_typing_is_not_imported_for_what_is_known_of_a_run() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import exptrack.model, exptrack.wire; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", code, str(SRC.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {"typing", "dataclasses"} & set(done.stdout.split()) == set()
