"""What annotations and small records need of `typing`, without importing it.

The import of `typing` takes 2 ms of processor time, and its NamedTuple compiles every annotation and one function for
each class: a tenth of what recording a short run took. Type checkers see the names of `typing` itself; at run time they
stand for nothing, but NamedTuple, whose classes behave as the standard's (a test compares each of them).
"""

from __future__ import annotations

TYPE_CHECKING = False  # checkers take the name for true wherever it is from

if TYPE_CHECKING:
    from typing import IO as IO
    from typing import Any as Any
    from typing import BinaryIO as BinaryIO
    from typing import Generic as Generic
    from typing import NamedTuple as NamedTuple
    from typing import NoReturn as NoReturn
    from typing import Protocol as Protocol
    from typing import TextIO as TextIO
    from typing import TypeVar as TypeVar
    from typing import cast as cast
    from typing import dataclass_transform as dataclass_transform
else:
    try:
        from _collections import _tuplegetter
    except ImportError:  # an interpreter that makes its named tuples in another way
        from operator import itemgetter

        def _tuplegetter(index, text):
            return property(itemgetter(index), doc=text)

    class _Nothing:
        """A name in annotations only."""

        def __class_getitem__(cls, _):
            return cls

    class Any(_Nothing):
        pass

    IO = BinaryIO = TextIO = NoReturn = Any
    Generic = Protocol = _Nothing

    def TypeVar(*_given, **_named):  # noqa: N802 - the standard's name
        return Any

    def cast(_kind, value):
        return value

    def dataclass_transform(**_named):
        return lambda decorator: decorator

    class _Maker(type):
        def __new__(cls, name, bases, inside):
            if not bases:
                return super().__new__(cls, name, bases, inside)
            names = tuple(inside.get("__annotations__", ()))
            defaults = {field: inside.pop(field) for field in names if field in inside}
            getters = {field: _tuplegetter(i, f"Alias for field number {i}") for i, field in enumerate(names)}
            return type(
                name,
                (tuple,),
                {
                    **_METHODS,
                    **getters,
                    **inside,
                    "__new__": _constructor(name, names, defaults),
                    "__slots__": (),
                    "__match_args__": names,
                    "_fields": names,
                    "_field_defaults": defaults,
                },
            )

    class NamedTuple(metaclass=_Maker):
        pass

    def _constructor(name, names, defaults):
        count, required, make = len(names), len(names) - len(defaults), tuple.__new__
        places = {field: i for i, field in enumerate(names)}
        blank = (*(_Nothing,) * required, *defaults.values())

        def __new__(cls, *given, **named):  # noqa: N807 - it becomes the class's
            at = len(given)
            if not named and required <= at <= count:
                return make(cls, given + blank[at:])
            values = [*given, *blank[at:]]
            for field, value in named.items():
                if places.get(field, -1) < at:
                    raise TypeError(f"{name} has no field {field}, or is given it twice")
                values[places[field]] = value
            if at > count or any(value is _Nothing for value in values[at:required]):
                raise TypeError(
                    f"{name} takes {', '.join(names)}: {at} values and {', '.join(named) or 'no names'} given"
                )
            return make(cls, values)

        return __new__

    def _make(cls, values):
        made = tuple.__new__(cls, values)
        if len(made) != len(cls._fields):
            raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields, not {len(made)}")
        return made

    def _replace(self, **changes):
        values = [changes.pop(field, value) for field, value in zip(self._fields, self, strict=True)]
        if changes:
            raise ValueError(f"{type(self).__name__} has no field {', '.join(changes)}")
        return tuple.__new__(type(self), values)

    def _asdict(self):
        return dict(zip(self._fields, self, strict=True))

    def _repr(self):
        return f"{type(self).__name__}({', '.join([f'{k}={v!r}' for k, v in self._asdict().items()])})"

    _METHODS = {
        "_make": classmethod(_make),
        "_replace": _replace,
        "__replace__": _replace,
        "_asdict": _asdict,
        "__repr__": _repr,
        "__getnewargs__": lambda self: tuple(self),
    }
