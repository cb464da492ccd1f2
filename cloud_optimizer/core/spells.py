"""Facts that hold from a time on and may be told in any order: spells in which all of them stayed the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

Facts = Mapping[str, object]


@dataclass(frozen=True)
class Spell:
    """What holds from `start` until the next spell starts; a fact that is null or missing is unknown."""

    start: datetime
    facts: Facts


def amended(spells: Sequence[Spell], at: datetime, facts: Facts) -> tuple[Spell, ...]:
    """Return the spells after facts were told that hold from `at` on.

    Each fact holds until the time at which it is already known to change. Facts that are not told stay as they are.

    >>> monday, friday = datetime(2025, 3, 3), datetime(2025, 3, 7)
    >>> known = amended((), friday, {"owner": "ann"})
    >>> [(spell.start.day, dict(spell.facts)) for spell in amended(known, monday, {"owner": "bob"})]
    [(3, {'owner': 'bob'}), (7, {'owner': 'ann'})]

    Args:
        spells: Sorted by start.
        at: When the facts begin to hold.
        facts: New values by name.
    """
    earlier = [spell for spell in spells if spell.start < at]
    held = next((spell.facts for spell in reversed(spells) if spell.start <= at), {})
    later = [(spell.start, dict(spell.facts)) for spell in spells if spell.start > at]
    open_spells = [(at, dict(held)), *later]
    for name, value in facts.items():
        for _, known in open_spells:
            if known.get(name) != held.get(name):
                break
            known[name] = value
    return _merged([*earlier, *(Spell(start, known) for start, known in open_spells)])


def _merged(spells: Sequence[Spell]) -> tuple[Spell, ...]:
    """Join neighbours that say the same."""
    return tuple(next(alike) for _, alike in groupby(spells, key=lambda spell: _known(spell.facts)))


def _known(facts: Facts) -> Facts:
    return {name: value for name, value in facts.items() if value is not None}
