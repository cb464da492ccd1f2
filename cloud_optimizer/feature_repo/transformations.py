"""The on-demand transformations in the form in which Feast calls them: a pandas frame in, a pandas frame out.

The registry keeps them by reference, so whoever reads through Feast needs this package, and they must stay here.
"""

import numpy as np
import pandas as pd

from cloud_optimizer.core.features import on_demand


def interaction_transformation(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the interactions of each row."""
    columns = {name: frame[name].to_numpy(dtype=np.float32) for name in on_demand.INTERACTION_SOURCES}
    return frame[[]].assign(**on_demand.interactions(columns))


def target_time_transformation(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the calendar features of each row's `target_timestamp`."""
    times = frame[on_demand.TARGET_TIMESTAMP].to_numpy(dtype="datetime64[us]")
    return frame[[]].assign(**on_demand.target_time_features(times))
