"""Dataclasses from :mod:`argosy.value` are like those of the standard library in all that can be seen of them."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import Any

import pytest

from argosy import value
from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    secret: str = field(default="s", repr=False)
    tags: list[str] = field(default_factory=list, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Model:
    x: int
    y: int = 2
    secret: str = field(default="s", repr=False)
    tags: list[str] = field(default_factory=list, compare=False)


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(slots=True)
class Counter:
    count: int
    seen: int = field(default=7, init=False)

    def __post_init__(self) -> None:
        self.count += 1


@dataclass(slots=True, eq=False)
class Thing:
    name: str


@dataclass(frozen=True)
class Loose:
    x: int = 1


@pytest.mark.parametrize("given", [{"x": 1}, {"x": 1, "y": 3, "tags": ["a"]}, {"x": 0, "secret": "t"}], ids=repr)
def test_an_instance_looks_like_one_of_the_library(given: dict[str, Any]) -> None:
    ours, theirs = Point(**given), Model(**given)
    assert repr(ours) == repr(theirs).replace("Model", "Point")
    assert asdict(ours) == asdict(theirs)
    assert hash(ours) == hash(theirs)
    assert [(f.name, f.type) for f in fields(ours)] == [(f.name, f.type) for f in fields(theirs)]


def test_the_signature_is_that_of_the_fields() -> None:
    ours, theirs = inspect.signature(Point), inspect.signature(Model)
    assert list(ours.parameters) == list(theirs.parameters)
    assert [p.annotation for p in ours.parameters.values()] == [p.annotation for p in theirs.parameters.values()]


def test_wrong_arguments_are_refused() -> None:
    makers: list[Any] = [Point, lambda: Point(1, z=2), lambda: Nothing(1)]  # type: ignore[call-arg]
    for make in makers:
        with pytest.raises(TypeError):
            make()


def test_equal_are_those_of_one_class_with_the_same_fields() -> None:
    assert Point(1) == Point(1, tags=["ignored"])
    assert Point(1) != Point(2)
    assert Point(1).__eq__(Model(1)) is NotImplemented
    assert Nothing() == Nothing()
    assert len({Point(1), Point(1), Nothing(), Nothing()}) == 2
    assert Thing("a") != Thing("a")
    assert Counter(1) == Counter(1)


@pytest.mark.parametrize("frozen", [Point(1), Nothing(), Loose()], ids=repr)
def test_what_is_frozen_cannot_be_changed(frozen: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        frozen.x = 2
    with pytest.raises(FrozenInstanceError):
        del frozen.x


def test_a_default_is_made_for_each() -> None:
    assert Point(1).tags is not Point(1).tags


def test_what_can_change_does_and_has_no_hash() -> None:
    counter = Counter(1)
    assert (counter.count, counter.seen) == (2, 7)
    counter.count = 5
    assert counter.count == 5
    with pytest.raises(TypeError):
        hash(counter)


def test_copies_and_changed_copies_are_whole() -> None:
    point = Point(1, tags=["a"])
    assert replace(point, y=9) == Point(1, 9)
    assert copy.deepcopy(point) == point
    assert pickle.loads(pickle.dumps(point)).tags == ["a"]
    match point:
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_a_method_of_the_class_itself_stays() -> None:
    @dataclass(frozen=True, slots=True)
    class Named:
        x: int

        def __repr__(self) -> str:
            return "me"

    assert repr(Named(1)) == "me"


def test_methods_are_made_when_they_are_wanted_and_only_once() -> None:
    @dataclass(frozen=True, slots=True)
    class Fresh:
        x: int

    assert isinstance(vars(Fresh)["__init__"], value.Late)
    made = Fresh(1)
    assert inspect.isfunction(vars(Fresh)["__init__"])
    assert isinstance(vars(Fresh)["__eq__"], value.Late)
    assert made == Fresh(1)
