"""A blend of forecasters that are fitted already: nothing is learned, it is only calibrated as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import FittedForecaster, ForecastSettings
from cloud_optimizer.core.forecasting.direct import FittedDirect, calibrate, calibration_examples
from cloud_optimizer.core.forecasting.families import load_fitted
from cloud_optimizer.core.panel import Panel

FAMILY: Final = "blend"
MEMBERS: Final = ("lightgbm", "xgboost", "catboost")
"""Families that may be blended: their learners share one design matrix, built once for all of them."""

FEWEST: Final = 2

Members = Mapping[str, FittedForecaster]
"""Family of MEMBERS to a model fitted by it."""


def blended(members: Members, calibrating: Members, panel: Panel) -> FittedDirect:
    """Average the quantiles of fitted members, level by level (Vincent averaging), and calibrate the average.

    The average errs less than its members, so that their own offsets would make its intervals too wide. With members
    of default parameters it is what the family `blend` fits on the panel.

    Args:
        members: Fitted on the panel.
        calibrating: The same members with the regressors that had not seen the calibration window.
        panel: What the members were fitted on.

    Raises:
        InputError: There are fewer than two, or they forecast different things.
    """
    from cloud_optimizer.core.forecasting.averaged import AveragedQuantiles

    direct, unseeing = _direct(members), _direct(calibrating)
    settings = _common_settings(direct)
    regressors, calibrations = {}, {}
    for target in settings.targets:
        regressors[target] = AveragedQuantiles({name: one.regressors[target] for name, one in direct.items()})
        judged = AveragedQuantiles({name: unseeing[name].regressors[target] for name in direct})
        examples, unseen = calibration_examples(panel, target, settings)
        calibrations[target] = calibrate(judged, examples, guarded=True, unseen=unseen)
    return FittedDirect(FAMILY, settings, regressors, calibrations)


@dataclass(frozen=True)
class Blending:
    """Fitted members in the place of a family: its fit calibrates them on the panel that they were fitted on.

    Args:
        members: As in `blended`.
        calibrating: As in `blended`.
    """

    members: Members
    calibrating: Members
    name: str = FAMILY

    def fit(self, panel: Panel, settings: ForecastSettings) -> FittedForecaster:  # noqa: ARG002 - the members' count
        """Return the blend; the panel ends where that of its members did."""
        return blended(self.members, self.calibrating, panel)

    def load(self, folder: Path) -> FittedForecaster:
        """Read a saved blend."""
        return load_fitted(folder)


def _direct(members: Members) -> dict[str, FittedDirect]:
    return {family: fitted for family, fitted in members.items() if isinstance(fitted, FittedDirect)}


def _common_settings(members: Mapping[str, FittedDirect]) -> ForecastSettings:
    if len(members) < FEWEST:
        raise InputError(f"A blend needs two of {', '.join(MEMBERS)}: it has {', '.join(members) or 'none'}.")
    settings = next(iter(members.values())).settings
    if any(fitted.settings != settings for fitted in members.values()):
        raise InputError(f"{', '.join(members)} forecast different things: train them again with the same settings.")
    return settings
