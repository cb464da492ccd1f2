"""Facts told in any order, against timelines of single facts written down hour by hour."""

import doctest
import itertools
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
def test_a_fact_holds_from_when_it_was_told_until_it_is_known_to_change(
    telling: list[tuple[int, dict[str, str | None]]],
) -> None:
    line: dict[str, list[object]] = {"owner": [None] * HOURS, "sku": [None] * HOURS}
    for at, facts in telling:
        for name, value in facts.items():
            until = next((n for n in range(at, HOURS) if line[name][n] != line[name][at]), HOURS)
            line[name][at:until] = [value] * (until - at)
    spells = told(telling)
    assert {name: [value_at(spells, name, number) for number in range(HOURS)] for name in line} == line


@given(tellings)
def test_spells_are_sorted_and_neighbours_differ(telling: list[tuple[int, dict[str, str | None]]]) -> None:
    spells = told(telling)
    for before, after in itertools.pairwise(spells):
        assert before.start < after.start
        assert any(before.facts.get(name) != after.facts.get(name) for name in ("owner", "sku"))


@given(tellings)
def test_telling_the_last_thing_again_changes_nothing(telling: list[tuple[int, dict[str, str | None]]]) -> None:
    assert told([*telling, *telling[-1:]]) == told(telling)


def test_facts_that_are_not_told_stay() -> None:
    spells = told([(0, {"owner": "a", "sku": "s"}), (5, {"owner": "b"})])
    assert [dict(spell.facts) for spell in spells] == [{"owner": "a", "sku": "s"}, {"owner": "b", "sku": "s"}]


def test_the_example_of_the_docstring_is_true() -> None:
    assert doctest.testmod(module).failed == 0
