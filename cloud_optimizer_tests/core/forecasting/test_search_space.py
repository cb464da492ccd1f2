"""Hyper-parameters of the families."""

import numpy as np
import pytest

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS, tuned
from cloud_optimizer.core.forecasting.search_space import SEARCH_SPACES

from .conftest import make_panel


@pytest.mark.parametrize("family", SEARCH_SPACES)
@pytest.mark.parametrize("end", ["low", "high"])
def test_both_ends_of_every_span_give_a_model_that_forecasts(family: str, end: str) -> None:
    panel, settings = make_panel(2, 14), ForecastSettings(targets=("cpu_mean",), calibration_days=3)
    spans = SEARCH_SPACES[family]
    parameters = {name: getattr(span, end) for name, span in spans.items()}
    forecast = tuned(family, parameters).fit(panel, settings).predict(panel, panel.end)
    assert np.isfinite(forecast.values["cpu_mean"]).all()
    assert family in FORECASTERS


def test_an_unknown_parameter_is_named() -> None:
    with pytest.raises(InputError, match="lightgbm has no hyper-parameter depth; it has num_iterations"):
        tuned("lightgbm", {"depth": 3})
    with pytest.raises(InputError, match="seasonal_naive has no hyper-parameter alpha; it has none"):
        tuned("seasonal_naive", {"alpha": 1})
