"""`@dataclass(frozen=True, slots=True, kw_only=True)`, made without importing `dataclasses`.

The standard decorator imports `inspect` and compiles six functions for each class: 17 of the 110 ms of processor
time that a short run took to record. The classes made here behave the same (a test compares them), and
`dataclasses.fields`, `replace` and `asdict` work on them: the standard module is asked when somebody does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from exptrack.typed import Any, NoReturn, TypeVar, dataclass_transform

T = TypeVar("T")


class _Made:
    """The default of a field that needs a new value for each record."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


def field(*, default_factory: Callable[[], T]) -> T:
    """A field whose default is made anew for each record, as `dataclasses.field`."""
    made: Any = _Made(default_factory)
    return made  # type: ignore[no-any-return]  # a marker that @frozen replaces; checkers see the field's type, PEP 681


class _Fields:
    """`__dataclass_fields__`, by which the standard module knows its classes; made by it when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] | None = None

    def __get__(self, record: Any, owner: type[Any]) -> dict[str, Any]:
        if self._made is None:
            import dataclasses

            rows = []
            for name, kind in owner.__annotations__.items():
                default = owner.__defaults__.get(name, dataclasses.MISSING)
                is_made = isinstance(default, _Made)
                option: dict[str, Any] = {"default_factory": default.make} if is_made else {"default": default}
                rows.append((name, kind, dataclasses.field(kw_only=True, **option)))
            twin: Any = dataclasses.make_dataclass(owner.__name__, rows)
            self._made = twin.__dataclass_fields__
        return self._made


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a class of annotated fields a frozen, slotted, keyword-only dataclass. No inheritance of fields."""
    names = tuple(cls.__annotations__)
    inside = {k: v for k, v in cls.__dict__.items() if k not in ("__dict__", "__weakref__")}
    defaults = {name: inside.pop(name) for name in names if name in inside}
    make_class: Any = type(cls)
    made: Any = make_class(
        cls.__name__,
        cls.__bases__,
        {
            **inside,
            "__slots__": names,
            "__defaults__": defaults,
            "__match_args__": (),
            "__dataclass_fields__": _Fields(),
            "__setattr__": _refuse_to_set,
            "__delattr__": _refuse_to_delete,
            "__repr__": _repr,
            "__eq__": _is_equal,
            "__hash__": _hash,
            "__getstate__": _state,
            "__setstate__": _set_state,
        },
    )
    made.__init__ = _initialiser(made, names, defaults)
    return made  # type: ignore[no-any-return]  # `type(cls)(...)` is the class again, with slots


def _initialiser(cls: type[Any], names: tuple[str, ...], defaults: Mapping[str, Any]) -> Callable[..., None]:
    # The slots' own setters: they know nothing of the __setattr__ that refuses.
    setters = tuple((name, cls.__dict__[name].__set__) for name in names)
    fixed = {name: value for name, value in defaults.items() if not isinstance(value, _Made)}
    makers = tuple((name, value.make) for name, value in defaults.items() if isinstance(value, _Made))

    def __init__(self: Any, **given: Any) -> None:  # noqa: N807 - it becomes the class's
        values = {**fixed, **given}
        for name, make in makers:
            if name not in given:
                values[name] = make()
        if len(values) != len(names):
            _complain(cls, names, values)
        for name, put in setters:
            if name not in values:
                _complain(cls, names, values)
            put(self, values[name])

    return __init__


def _complain(cls: type[Any], names: tuple[str, ...], values: Mapping[str, Any]) -> NoReturn:
    unknown, missing = [n for n in values if n not in names], [n for n in names if n not in values]
    what = f"has no field {', '.join(unknown)}" if unknown else f"needs {', '.join(missing)}"
    raise TypeError(f"{cls.__name__} {what}")


def is_frozen(value: object) -> bool:
    """Is this one of our classes, or a record of one?"""
    return isinstance(getattr(value, "__defaults__", None), dict)


def names_of(cls: Any) -> tuple[str, ...]:
    """The fields of a record or its class, in order."""
    names: tuple[str, ...] = cls.__slots__
    return names


def required_of(cls: Any) -> Iterator[str]:
    """The fields without a default."""
    return (name for name in cls.__slots__ if name not in cls.__defaults__)


def replace(record: T, **changes: Any) -> T:
    """The record with some fields changed, as `dataclasses.replace`."""
    return type(record)(**{**{name: getattr(record, name) for name in names_of(record)}, **changes})


def _values(record: Any) -> tuple[Any, ...]:
    return tuple([getattr(record, name) for name in record.__slots__])


def _refuse_to_set(_record: Any, name: str, _value: Any) -> NoReturn:
    raise _frozen_error(f"cannot assign to field {name!r}")


def _refuse_to_delete(_record: Any, name: str) -> NoReturn:
    raise _frozen_error(f"cannot delete field {name!r}")


def _frozen_error(text: str) -> AttributeError:
    import dataclasses

    return dataclasses.FrozenInstanceError(text)


def _repr(record: Any) -> str:
    inner = ", ".join(f"{name}={getattr(record, name)!r}" for name in record.__slots__)
    return f"{type(record).__qualname__}({inner})"


def _is_equal(record: Any, other: object) -> Any:
    return _values(record) == _values(other) if type(other) is type(record) else NotImplemented


def _hash(record: Any) -> int:
    return hash(_values(record))


def _state(record: Any) -> list[Any]:
    return list(_values(record))


def _set_state(record: Any, state: list[Any]) -> None:
    for name, value in zip(record.__slots__, state, strict=True):
        object.__setattr__(record, name, value)
