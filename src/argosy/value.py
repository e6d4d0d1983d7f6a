"""Dataclasses whose methods are made when they are first called.

``dataclasses.dataclass`` compiles half a dozen methods for each class, which takes half a millisecond. A hundred classes
cost a command a quarter of its start, and most of them are not made an instance of in its whole life. The ones from here
cost a tenth, and are the same in everything else: ``fields``, ``replace``, ``asdict`` and type checkers know them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from operator import attrgetter
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from dataclasses import dataclass as _bare

    def dataclass(
        *,
        slots: bool = False,
        frozen: bool = False,
        eq: bool = True,
        repr: bool = True,  # noqa: A002 - the names are those of the original
    ) -> Callable[[type], type]:
        """Do the same as ``dataclasses.dataclass`` with these options, sooner."""

        def dress(plain: type) -> type:
            plain.__doc__ = (
                plain.__doc__ or plain.__name__
            )  # else one is made up, of a signature that takes long to find
            cls = _bare(plain, init=False, repr=False, eq=False, slots=slots)
            methods: dict[str, object] = {"__init__": Late(cls, "__init__", _setting if frozen else _assigning)}
            if repr:
                methods["__repr__"] = _shown
            if eq:
                methods["__eq__"] = Late(cls, "__eq__", _comparing)
                methods["__hash__"] = Late(cls, "__hash__", _hashing) if frozen else None
            if frozen:
                methods["__setattr__"], methods["__delattr__"] = _unchangeable, _unchangeable
                methods["__getstate__"], methods["__setstate__"] = _taken_apart, _put_together
            for name, method in methods.items():
                if vars(cls).get(name) is None:
                    setattr(cls, name, method)
            return cls

        return dress


__all__ = ["dataclass", "remaker"]

T = TypeVar("T")


def remaker(cls: type[T], what: str) -> Callable[[T, Mapping[str, Any]], T]:
    """Return what ``dataclasses.replace`` does for the class, at a third of its cost. ``what``: how its error calls one."""
    names = tuple(field.name for field in fields(cls))  # type: ignore[arg-type] # a dataclass, as any that comes here
    known, values = frozenset(names), attrgetter(*names)

    def remade(one: T, changes: Mapping[str, Any]) -> T:
        if not known.issuperset(changes):
            raise TypeError(f"{what} has no {', '.join(sorted(changes.keys() - known))}")
        return cls(*map(changes.get, names, values(one)))

    return remade


class Late:
    """Stands in a class for a method, until somebody looks for that."""

    __slots__ = ("_cls", "_make", "_name")

    def __init__(self, cls: type, name: str, make: Callable[[type], Callable[..., Any]]) -> None:
        self._cls = cls
        self._name = name
        self._make = make

    def __get__(self, instance: object, owner: type) -> Any:  # noqa: ANN401 - a function, or what it is bound to
        method: Any = self._make(self._cls)
        setattr(self._cls, self._name, method)
        return method.__get__(instance, owner)


# -- the methods -----------------------------------------------------------------------------------


def _assigning(cls: type) -> Callable[..., None]:
    return _init(cls, "self.{name} = {value}")


def _setting(cls: type) -> Callable[..., None]:
    """As the class forbids it to everybody else: by its slots themselves, the quickest way there is."""
    return _init(cls, "_slot_{name}(self, {value})")


def _init(cls: type, statement: str) -> Callable[..., None]:
    """Return ``__init__``, compiled: it is what costs at run time."""
    known: dict[str, Any] = {"_missing": MISSING}
    parameters, body = ["self"], []
    for field in fields(cls):
        name, value = field.name, field.name
        known[f"_slot_{name}"] = _slot(cls, name)
        if field.default is not MISSING:
            known[f"_default_{name}"] = field.default
        if field.default_factory is not MISSING:
            known[f"_make_{name}"] = field.default_factory
            value = f"_make_{name}() if {name} is _missing else {name}"
        if field.init:
            parameters.append(name + _default(field))
        else:
            value = f"_default_{name}" if field.default is not MISSING else f"_make_{name}()"
        body.append(statement.format(name=name, value=value))
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    code = f"def maker({', '.join(known)}):\n def __init__({', '.join(parameters)}):\n  {'; '.join(body) or 'pass'}\n return __init__"
    space: dict[str, Any] = {}
    exec(code, vars(sys.modules[cls.__module__]), space)  # noqa: S102 - of names that the class itself gives
    init: Callable[..., None] = space["maker"](**known)
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {field.name: field.type for field in fields(cls) if field.init} | {"return": None}
    return init


def _slot(cls: type, name: str) -> Callable[[object, Any], None]:
    slot = getattr(cls, name, None)
    if isinstance(slot, MemberDescriptorType):
        return slot.__set__
    return lambda self, value: object.__setattr__(self, name, value)


def _default(field: Field[Any]) -> str:
    if field.default is not MISSING:
        return f"=_default_{field.name}"
    return "=_missing" if field.default_factory is not MISSING else ""


def _comparing(cls: type) -> Callable[[object, object], bool]:
    values = _values(cls)

    def __eq__(self: object, other: object) -> bool:  # noqa: N807 - as which it is called
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hashing(cls: type) -> Callable[[object], int]:
    values = _values(cls)
    return lambda self: hash(values(self))


def _values(cls: type) -> Callable[[object], Any]:
    names = [field.name for field in fields(cls) if field.compare]
    return attrgetter(*names) if names else lambda _: ()


def _shown(self: Any) -> str:  # noqa: ANN401 - any of the classes from here
    shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self) if field.repr)
    return f"{type(self).__qualname__}({shown})"


def _unchangeable(_self: object, name: str, *_value: object) -> None:
    raise FrozenInstanceError(f"cannot change field {name!r}")


def _taken_apart(self: Any) -> list[Any]:  # noqa: ANN401 - likewise
    return [getattr(self, field.name) for field in fields(self)]


def _put_together(self: Any, state: list[Any]) -> None:  # noqa: ANN401 - likewise
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
