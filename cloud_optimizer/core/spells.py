"""Facts that are told for dates, in any order: spells in which all of them stay the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

Facts = Mapping[str, object]


@dataclass(frozen=True)
class Spell:
    """What holds from `start` until the next spell starts; a fact that is null or missing is unknown.

    Args:
        start: When it begins.
        facts: All that holds.
        told: Names of the facts that were told for `start`; the others go on from the spell before.
    """

    start: datetime
    facts: Facts
    told: frozenset[str]


def amended(spells: Sequence[Spell], at: datetime, facts: Facts) -> tuple[Spell, ...]:
    """Return the spells after facts were told that hold from `at` on.

    Each fact holds until the next time for which it was told itself, if only to say the same. Facts that are not told
    stay as they are.

    >>> january, february = datetime(2025, 1, 1), datetime(2025, 2, 1)
    >>> told = amended((), january, {"core_hour": 0.03})
    >>> told = amended(told, february, {"core_hour": 0.03})
    >>> corrected = amended(told, january, {"core_hour": 0.04})
    >>> [(spell.start.month, dict(spell.facts)) for spell in corrected]
    [(1, {'core_hour': 0.04}), (2, {'core_hour': 0.03})]

    Args:
        spells: Sorted by start; those that ended before `at` may be left out.
        at: When the facts begin to hold.
        facts: New values by name.
    """
    earlier = [spell for spell in spells if spell.start < at]
    same = next((spell for spell in spells if spell.start == at), None)
    held = same or (earlier[-1] if earlier else Spell(at, {}, frozenset()))
    open_facts = dict(facts)
    changed = [Spell(at, {**held.facts, **facts}, frozenset(facts) | (same.told if same else frozenset()))]
    for spell in (spell for spell in spells if spell.start > at):
        open_facts = {name: value for name, value in open_facts.items() if name not in spell.told}
        changed.append(Spell(spell.start, {**spell.facts, **open_facts}, spell.told))
    return (*earlier, *changed)
