"""The classes made by @frozen against those of the standard decorator, for every record of the model."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import subprocess
import sys
from typing import Any

import pytest

from exptrack import comparison, model
from exptrack.frozen import field, frozen, names_of, replace, required_of

RECORDS = [
    c for c in {**vars(model), **vars(comparison)}.values() if inspect.isclass(c) and hasattr(c, "__dataclass_fields__")
]
SAMPLES: dict[str, Any] = {"str": "x", "int": 3, "float": 0.5, "bool": True}


def twin_of(cls: type) -> type:
    """The same class as the standard decorator makes it."""
    rows = []
    for f in dataclasses.fields(cls):
        default = {"default": f.default} if f.default is not dataclasses.MISSING else {}
        made = {"default_factory": f.default_factory} if f.default_factory is not dataclasses.MISSING else {}
        rows.append((f.name, f.type, dataclasses.field(**default, **made)))
    made_class = dataclasses.make_dataclass(cls.__name__, rows, frozen=True, slots=True, kw_only=True)
    made_class.__qualname__ = cls.__qualname__
    return made_class


def values_for(cls: type) -> dict[str, Any]:
    return {name: SAMPLES.get(cls.__annotations__[name], "v") for name in required_of(cls)}


def test_there_are_records_to_compare() -> None:
    assert {"RunManifest", "Start", "Event", "Promotion", "Change"} <= {c.__name__ for c in RECORDS}


@pytest.mark.parametrize("cls", RECORDS, ids=lambda c: c.__name__)
class TestEachRecord:
    def test_has_the_fields_defaults_and_text_of_the_standard_one(self, cls: type) -> None:
        twin, given = twin_of(cls), values_for(cls)
        assert dataclasses.is_dataclass(cls)
        assert names_of(cls) == tuple(f.name for f in dataclasses.fields(twin))
        assert repr(cls(**given)) == repr(twin(**given))
        assert dataclasses.asdict(cls(**given)) == dataclasses.asdict(twin(**given))

    def test_is_equal_by_value_and_only_to_its_own_kind(self, cls: type) -> None:
        given = values_for(cls)
        assert cls(**given) == cls(**given)
        assert cls(**given) != twin_of(cls)(**given)
        first = names_of(cls)[0]
        assert replace(cls(**given), **{first: "other"}) != cls(**given)

    def test_hashes_where_the_standard_one_does(self, cls: type) -> None:
        given = values_for(cls)
        try:
            hash(twin_of(cls)(**given))
        except TypeError:
            with pytest.raises(TypeError):
                hash(cls(**given))
        else:
            assert hash(cls(**given)) == hash(cls(**given))

    def test_cannot_be_changed(self, cls: type) -> None:
        record, name = cls(**values_for(cls)), names_of(cls)[0]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, name, 1)
        with pytest.raises(dataclasses.FrozenInstanceError):
            delattr(record, name)
        with pytest.raises(dataclasses.FrozenInstanceError):
            record.no_such_field = 1
        assert not hasattr(record, "__dict__")

    def test_refuses_what_is_missing_unknown_or_has_no_name(self, cls: type) -> None:
        given = values_for(cls)
        with pytest.raises(TypeError, match="no_such_field"):
            cls(**given, no_such_field=1)
        if given:
            name = next(iter(given))
            with pytest.raises(TypeError, match=name):
                cls(**{k: v for k, v in given.items() if k != name})
            with pytest.raises(TypeError):
                cls(*given.values())

    def test_is_replaced_copied_and_pickled(self, cls: type) -> None:
        record, name = cls(**values_for(cls)), names_of(cls)[-1]
        assert replace(record, **{name: "new"}) == dataclasses.replace(record, **{name: "new"})
        assert copy.copy(record) == record
        assert copy.deepcopy(record) == record
        assert pickle.loads(pickle.dumps(record)) == record


def test_a_default_that_is_made_is_made_anew_each_time() -> None:
    @frozen
    class Box:
        inside: list[int] = field(default_factory=list)
        size: int = 0

    assert Box().inside is not Box().inside
    assert Box(inside=[1]).inside == [1]
    with pytest.raises(TypeError, match="colour"):
        Box(colour="red")
    with pytest.raises(TypeError, match="colour"):
        Box(inside=[], colour="red")


def test_methods_properties_and_documentation_stay() -> None:
    assert model.Run.__doc__ is not None
    assert model.Run.__module__ == "exptrack.model"
    assert isinstance(model.Run.id, property)


def test_importing_the_model_imports_neither_dataclasses_nor_inspect() -> None:
    code = "import sys, exptrack.model, exptrack.wire; print({'dataclasses', 'inspect'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
