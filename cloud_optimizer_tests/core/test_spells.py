"""Facts told in any order, against timelines of single facts written down hour by hour."""

import doctest
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloud_optimizer.core import spells as module
from cloud_optimizer.core.spells import Spell, amended

START = datetime(2025, 1, 1, tzinfo=UTC)
HOURS = 12
values = st.sampled_from(["a", "b", None])
tellings = st.lists(
    st.tuples(st.integers(0, HOURS - 1), st.dictionaries(st.sampled_from(["owner", "sku"]), values, min_size=1)),
    max_size=8,
)


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def told(telling: list[tuple[int, dict[str, str | None]]]) -> tuple[Spell, ...]:
    spells: tuple[Spell, ...] = ()
    for at, facts in telling:
        spells = amended(spells, hour(at), facts)
    return spells


def value_at(spells: tuple[Spell, ...], name: str, number: int) -> object:
    current = [spell for spell in spells if spell.start <= hour(number)]
    return current[-1].facts.get(name) if current else None


@given(tellings)
def test_a_fact_holds_from_when_it_was_told_until_the_next_time_for_which_it_was_told(
    telling: list[tuple[int, dict[str, str | None]]],
) -> None:
    said: dict[str, dict[int, str | None]] = {"owner": {}, "sku": {}}
    for at, facts in telling:
        for name, value in facts.items():
            said[name][at] = value
    line = {
        name: [next((values[at] for at in range(number, -1, -1) if at in values), None) for number in range(HOURS)]
        for name, values in said.items()
    }
    spells = told(telling)
    assert {name: [value_at(spells, name, number) for number in range(HOURS)] for name in line} == line


@given(tellings)
def test_spells_are_sorted_and_something_was_told_for_each(telling: list[tuple[int, dict[str, str | None]]]) -> None:
    spells = told(telling)
    assert [spell.start for spell in spells] == sorted({hour(at) for at, _ in telling})
    assert all(spell.told for spell in spells)


@given(tellings, st.integers(0, HOURS - 1))
def test_spells_that_ended_before_may_be_left_out(telling: list[tuple[int, dict[str, str | None]]], at: int) -> None:
    spells = told(telling)
    ended = max(sum(spell.start <= hour(at) for spell in spells) - 1, 0)
    later = amended(spells[ended:], hour(at), {"owner": "c"})
    assert (*spells[:ended], *later) == amended(spells, hour(at), {"owner": "c"})


@given(tellings)
def test_telling_the_last_thing_again_changes_nothing(telling: list[tuple[int, dict[str, str | None]]]) -> None:
    assert told([*telling, *telling[-1:]]) == told(telling)


def test_facts_that_are_not_told_stay() -> None:
    spells = told([(0, {"owner": "a", "sku": "s"}), (5, {"owner": "b"})])
    assert [dict(spell.facts) for spell in spells] == [{"owner": "a", "sku": "s"}, {"owner": "b", "sku": "s"}]


def test_the_example_of_the_docstring_is_true() -> None:
    assert doctest.testmod(module).failed == 0
