"""Time inside is taken once, at the outermost call, and only while the inside works."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType

import pytest

from benchmarks.boundary import Boundary


class Clock:
    """Time that passes only when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def boundary(clock: Clock) -> Boundary:
    return Boundary(("inside",), clock)


def test_nested_calls_count_once(boundary: Boundary, clock: Clock) -> None:
    inner = boundary.timed(lambda: clock.work(2))

    def both() -> None:
        clock.work(1)
        inner()

    boundary.timed(both)()
    clock.work(10)
    inner()
    assert boundary.seconds(0, 100) == 1 + 2 + 2
    assert [(span.start, span.end) for span in boundary.spans] == [(0, 3), (13, 15)]
    assert boundary.seconds(2, 14) == 1 + 1  # (2, 3) and (13, 14)


def test_a_failing_call_counts_to_its_end(boundary: Boundary, clock: Clock) -> None:
    def fail() -> None:
        clock.work(4)
        raise ValueError("as asked")

    with pytest.raises(ValueError, match="as asked"):
        boundary.timed(fail)()
    assert boundary.seconds(0, 100) == 4


def test_the_caller_s_time_between_two_items_of_a_generator_does_not_count(boundary: Boundary, clock: Clock) -> None:
    def items() -> Iterator[int]:
        for item in range(3):
            clock.work(1)
            yield item

    for _ in boundary.timed(items)():
        clock.work(100)
    assert boundary.seconds(0, 1000) == 3


def test_the_caller_s_time_in_a_context_does_not_count(boundary: Boundary, clock: Clock) -> None:
    @contextmanager
    def opened() -> Iterator[str]:
        clock.work(1)
        yield "value"
        clock.work(2)

    with boundary.timed(opened)() as value:
        clock.work(100)
    assert value == "value"
    assert boundary.seconds(0, 1000) == 3


def test_functions_of_the_inside_are_timed_where_the_outside_imported_them(boundary: Boundary, clock: Clock) -> None:
    outside = ModuleType("outside")
    code = (lambda: clock.work(1)).__code__
    ours, theirs = (FunctionType(code, globals(), name, None, (lambda: clock).__closure__) for name in ("a", "b"))
    ours.__module__, theirs.__module__ = "inside.core", "elsewhere"
    vars(outside).update(ours=ours, theirs=theirs)
    for _ in range(2):  # a second look changes nothing
        boundary.watch_callers(outside)
    outside.ours()
    outside.theirs()
    assert boundary.seconds(0, 100) == 1
    assert len(boundary.spans) == 1
