"""A blend of fitted members."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.blending import MEMBERS, Blending, blended
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.direct import FittedDirect
from cloud_optimizer.core.forecasting.families import FORECASTERS, load_fitted
from cloud_optimizer.core.panel import Panel

from .conftest import make_panel

SETTINGS = ForecastSettings(targets=("cpu_mean", "cpu_peak"), calibration_days=7)

Members = Mapping[str, FittedDirect]


@pytest.fixture(scope="module")
def small() -> Panel:
    return make_panel(4, 30)


@pytest.fixture(scope="module")
def members(small: Panel) -> Members:
    return {family: FORECASTERS[family]().fit(small, SETTINGS) for family in MEMBERS}


def blend_of(members: Members, panel: Panel) -> FittedDirect:
    return blended(members, {family: fitted.before_calibration for family, fitted in members.items()}, panel)


def test_a_blend_of_equal_members_is_the_member(members: Members, small: Panel) -> None:
    same = blend_of({"lightgbm": members["lightgbm"], "xgboost": members["lightgbm"]}, small)
    expected = members["lightgbm"].predict(small, small.end)
    forecast = same.predict(small, small.end)
    assert forecast.model == "blend"
    for target in SETTINGS.targets:
        np.testing.assert_allclose(forecast.values[target], expected.values[target], rtol=1e-4)


def test_quantiles_of_a_blend_lie_between_those_of_its_members(members: Members, small: Panel) -> None:
    forecast = blend_of(members, small).predict(small, small.end)
    each = [member.predict(small, small.end) for member in members.values()]
    for target, values in forecast.values.items():
        found = np.stack([one.values[target] for one in each])
        inside = (values >= found.min(axis=0) * 0.97) & (values <= found.max(axis=0) * 1.03)
        assert inside.mean() > 0.95
        assert (np.diff(values, axis=-1) >= 0).all()


def test_the_mean_errs_less_than_its_members_so_its_intervals_are_narrower_than_theirs(
    members: Members, small: Panel
) -> None:
    low, high = QUANTILE_LEVELS.index(0.1), QUANTILE_LEVELS.index(0.9)

    def width(fitted: FittedDirect) -> float:
        values = fitted.predict(small, small.end).values
        return float(np.mean([(one[..., high] - one[..., low]).sum() for one in values.values()]))

    assert width(blend_of(members, small)) < np.mean([width(member) for member in members.values()])


@pytest.mark.parametrize("left_out", [None, "catboost"])
def test_a_saved_blend_holds_the_native_files_of_its_members_and_forecasts_the_same(
    members: Members, small: Panel, tmp_path: Path, left_out: str | None
) -> None:
    blend = blend_of({family: fitted for family, fitted in members.items() if family != left_out}, small)
    blend.save(tmp_path)
    suffixes = {path.suffix for path in tmp_path.iterdir()}
    assert suffixes == {".json", ".txt", ".ubj"} | (set() if left_out else {".cbm"})
    before, after = (model.predict(small, small.end) for model in (blend, load_fitted(tmp_path)))
    assert after.model == "blend"
    for target in SETTINGS.targets:
        np.testing.assert_allclose(after.values[target], before.values[target], rtol=1e-5)


def test_a_blend_of_default_members_is_what_the_family_fits(members: Members, small: Panel) -> None:
    own, fitted = blend_of(members, small), FORECASTERS["blend"]().fit(small, SETTINGS)
    for target, calibration in fitted.calibrations.items():
        np.testing.assert_allclose(own.calibrations[target].offsets, calibration.offsets, rtol=1e-5, atol=1e-5)
        assert own.calibrations[target].distrusted == calibration.distrusted
    expected = fitted.predict(small, small.end)
    for target, values in own.predict(small, small.end).values.items():
        np.testing.assert_allclose(values, expected.values[target], rtol=1e-5)


def test_a_blend_in_the_place_of_a_family_is_calibrated_on_the_panel_that_it_is_given(
    members: Members, small: Panel
) -> None:
    before = {family: fitted.before_calibration for family, fitted in members.items()}
    fitted = Blending(members, before).fit(small, SETTINGS)
    assert fitted.calibrations == blend_of(members, small).calibrations


def test_importance_is_shared_by_the_members(members: Members, small: Panel) -> None:
    importance = blend_of(members, small).feature_importance()
    assert sum(importance.values()) == pytest.approx(1.0)


def test_fewer_than_two_members_or_members_of_different_things_are_refused(members: Members, small: Panel) -> None:
    with pytest.raises(InputError, match="A blend needs two of lightgbm, xgboost, catboost: it has lightgbm"):
        blend_of({"lightgbm": members["lightgbm"]}, small)
    with pytest.raises(InputError, match="it has none"):
        blend_of({}, small)
    other = FORECASTERS["xgboost"]().fit(small, SETTINGS.model_copy(update={"targets": ("cpu_mean",)}))
    with pytest.raises(InputError, match="forecast different things"):
        blend_of({"lightgbm": members["lightgbm"], "xgboost": other}, small)
