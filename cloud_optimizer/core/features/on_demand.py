"""Features that are computed when they are read: interactions, and the calendar of the time that is forecast."""

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.features.calendar import calendar_features
from cloud_optimizer.core.features.formulas import row_formula
from cloud_optimizer.core.features.views import INTERACTIONS, STORED_VIEWS, VIEW_OF
from cloud_optimizer.core.panel import FloatArray

INTERACTION_SOURCES: Final = tuple(dict.fromkeys(source for spec in INTERACTIONS for source in spec.sources))
"""Stored features that the interactions are made of."""

INTERACTION_NAMES: Final = frozenset(spec.name for spec in INTERACTIONS)

TARGET_TIMESTAMP: Final = "target_timestamp"
"""Request field: start of the interval that is forecast, UTC."""


@cache
def stored_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what has to be read for `names`: the stored ones, and what the interactions among them are made of."""
    sources = () if INTERACTION_NAMES.isdisjoint(names) else INTERACTION_SOURCES
    return tuple(name for name in dict.fromkeys((*names, *sources)) if VIEW_OF[name] in STORED_VIEWS)


def interactions(columns: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return every interaction from float32 source columns of one shape."""
    return {spec.name: row_formula(spec, columns) for spec in INTERACTIONS}


def target_time_features(times: NDArray[np.datetime64]) -> dict[str, FloatArray]:
    """Return the calendar features of forecast intervals, named `target_...`; unknown (NaN) where a time is missing."""
    known = ~np.isnat(times)
    filled = np.where(known, times, np.datetime64(0, "us"))
    calendar = calendar_features(filled)
    return {f"target_{name}": np.where(known, values, np.float32(np.nan)) for name, values in calendar.items()}
