"""A blend of fitted members."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.blending import MEMBERS, blended
from cloud_optimizer.core.forecasting.contract import FittedForecaster, ForecastSettings
from cloud_optimizer.core.forecasting.families import FORECASTERS, load_fitted
from cloud_optimizer.core.panel import Panel

from .conftest import make_panel

SETTINGS = ForecastSettings(targets=("cpu_mean", "cpu_peak"), calibration_days=7)

Members = Mapping[str, FittedForecaster]


@pytest.fixture(scope="module")
def small() -> Panel:
    return make_panel(4, 30)


@pytest.fixture(scope="module")
def members(small: Panel) -> Members:
    return {family: FORECASTERS[family]().fit(small, SETTINGS) for family in MEMBERS}


def test_a_blend_of_equal_members_is_the_member(members: Members, small: Panel) -> None:
    same = blended({"lightgbm": members["lightgbm"], "xgboost": members["lightgbm"]})
    expected = members["lightgbm"].predict(small, small.end)
    forecast = same.predict(small, small.end)
    assert forecast.model == "blend"
    for target in SETTINGS.targets:
        np.testing.assert_allclose(forecast.values[target], expected.values[target], rtol=1e-4)


def test_quantiles_of_a_blend_lie_between_those_of_its_members(members: Members, small: Panel) -> None:
    forecast = blended(members).predict(small, small.end)
    each = [member.predict(small, small.end) for member in members.values()]
    median = QUANTILE_LEVELS.index(0.5)
    for target, values in forecast.values.items():
        found = np.stack([one.values[target] for one in each])
        inside = (values >= found.min(axis=0) * 0.97) & (values <= found.max(axis=0) * 1.03)
        assert inside.mean() > 0.95
        assert inside[..., median].mean() > 0.97
        assert (np.diff(values, axis=-1) >= 0).all()


@pytest.mark.parametrize("left_out", [None, "catboost"])
def test_a_saved_blend_holds_the_native_files_of_its_members_and_forecasts_the_same(
    members: Members, small: Panel, tmp_path: Path, left_out: str | None
) -> None:
    blend = blended({family: fitted for family, fitted in members.items() if family != left_out})
    blend.save(tmp_path)
    suffixes = {path.suffix for path in tmp_path.iterdir()}
    assert suffixes == {".json", ".txt", ".ubj"} | (set() if left_out else {".cbm"})
    before, after = (model.predict(small, small.end) for model in (blend, load_fitted(tmp_path)))
    assert after.model == "blend"
    for target in SETTINGS.targets:
        np.testing.assert_allclose(after.values[target], before.values[target], rtol=1e-5)


def test_a_workload_is_distrusted_by_a_blend_when_most_members_distrust_it(members: Members) -> None:
    def distrusting(family: str, *workloads: str) -> FittedForecaster:
        fitted = members[family]
        changed = {
            target: calibration.model_copy(update={"distrusted": list(workloads)})
            for target, calibration in fitted.calibrations.items()
        }
        return type(fitted)(fitted.name, fitted.settings, fitted.regressors, changed)

    blend = blended(
        {
            "lightgbm": distrusting("lightgbm", "vm-0", "vm-1"),
            "xgboost": distrusting("xgboost", "vm-1", "vm-2"),
            "catboost": distrusting("catboost"),
        }
    )
    assert blend.calibrations["cpu_mean"].distrusted == ["vm-1"]


def test_importance_is_shared_by_the_members(members: Members) -> None:
    importance = blended(members).feature_importance()
    assert sum(importance.values()) == pytest.approx(1.0)


def test_fewer_than_two_members_or_members_of_different_things_are_refused(members: Members, small: Panel) -> None:
    with pytest.raises(InputError, match="A blend needs two of lightgbm, xgboost, catboost: it has lightgbm"):
        blended({"lightgbm": members["lightgbm"]})
    with pytest.raises(InputError, match="it has none"):
        blended({})
    other = FORECASTERS["xgboost"]().fit(small, SETTINGS.model_copy(update={"targets": ("cpu_mean",)}))
    with pytest.raises(InputError, match="forecast different things"):
        blended({"lightgbm": members["lightgbm"], "xgboost": other})
