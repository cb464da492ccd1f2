"""A blend of forecasters that are fitted already: nothing is learned, so it costs what loading its members costs."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.calibration import Calibration
from cloud_optimizer.core.forecasting.contract import FittedForecaster
from cloud_optimizer.core.forecasting.direct import FittedDirect

FAMILY: Final = "blend"
MEMBERS: Final = ("lightgbm", "xgboost", "catboost")
"""Families that may be blended: their learners share one design matrix, built once for all of them."""

FEWEST: Final = 2


def blended(members: Mapping[str, FittedForecaster]) -> FittedDirect:
    """Average the quantiles of fitted members, level by level (Vincent averaging), with the mean of their offsets.

    So every level lies at the mean of the members' calibrated ones. The base stands in as median on workloads that
    more than half of the members distrust.

    Args:
        members: Family of MEMBERS to a model fitted by it on the same panel.

    Raises:
        InputError: There are fewer than two, or they forecast different things.
    """
    from cloud_optimizer.core.forecasting.averaged import AveragedQuantiles

    direct = {family: fitted for family, fitted in members.items() if isinstance(fitted, FittedDirect)}
    if len(direct) < FEWEST:
        raise InputError(f"A blend needs two of {', '.join(MEMBERS)}: it has {', '.join(direct) or 'none'}.")
    settings = next(iter(direct.values())).settings
    if any(fitted.settings != settings for fitted in direct.values()):
        raise InputError(f"{', '.join(direct)} forecast different things: train them again with the same settings.")
    regressors = {
        target: AveragedQuantiles({family: fitted.regressors[target] for family, fitted in direct.items()})
        for target in settings.targets
    }
    calibrations = {
        target: _mean([fitted.calibrations[target] for fitted in direct.values()]) for target in settings.targets
    }
    return FittedDirect(FAMILY, settings, regressors, calibrations)


def _mean(calibrations: list[Calibration]) -> Calibration:
    offsets = np.mean([calibration.offsets for calibration in calibrations], axis=0)
    votes = Counter(workload for calibration in calibrations for workload in calibration.distrusted)
    most = sorted(workload for workload, count in votes.items() if 2 * count > len(calibrations))
    return Calibration(offsets=offsets.tolist(), distrusted=most)
