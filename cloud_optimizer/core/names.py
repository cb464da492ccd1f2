"""Which names of clusters and workloads can be stored and shown, and which was meant by one that is not known.

A cluster's name is a partition key of the graph, so `[`, `]`, `|` and `,` would be read as syntax there.
"""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from cloud_optimizer.core.errors import InputError

LONGEST_NAME: Final = 200
ALTERNATIVES: Final = 3
PARTITION_KEY_SYNTAX: Final = frozenset("[]|,")


def check_cluster(name: str) -> str:
    """Return the name of a cluster.

    Raises:
        InputError: It is empty, longer than 200 characters, or has control characters or any of `[ ] | ,`.
    """
    _check(name, "cluster")
    forbidden = sorted(PARTITION_KEY_SYNTAX.intersection(name))
    if forbidden:
        raise InputError(f"The cluster name {name!r} contains {forbidden[0]!r}: use a name without [ ] | and commas.")
    return name


def check_workloads(names: Iterable[str]) -> None:
    """Check names of workloads.

    Raises:
        InputError: One is empty, longer than 200 characters, or has control characters.
    """
    for name in names:
        _check(name, "workload")


def way_out(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return what to do about a name that is not known: the known ones most like it as a question, or `otherwise`."""
    names = list(dict.fromkeys(known))
    parts = [other for other in names if name.lower() in other.lower()]
    ends = {other[-len(name) :]: other for other in names}  # `vm-01` is not like all of `fleet-a-vm-001`
    alike = [*parts, *get_close_matches(name, names), *(ends[end] for end in get_close_matches(name, ends))]
    alike = list(dict.fromkeys(alike))[:ALTERNATIVES]
    return f"did you mean {' or '.join(alike)}?" if alike else otherwise


def _check(name: str, kind: str) -> None:
    if not name or name.isspace():
        raise InputError(f"A {kind} has an empty name: give every {kind} a name.")
    if len(name) > LONGEST_NAME:
        raise InputError(f"The {kind} name {name[:40]!r}... has {len(name)} characters: use at most {LONGEST_NAME}.")
    # Cc are control characters, Cs halves of a surrogate pair, which no UTF-8 text can hold
    unprintable = next((char for char in name if unicodedata.category(char) in {"Cc", "Cs"}), None)
    if unprintable is not None:
        raise InputError(f"The {kind} name {name!r} contains the control character {unprintable!r}: remove it.")
