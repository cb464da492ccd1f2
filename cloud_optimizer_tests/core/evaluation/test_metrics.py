"""Every metric against numbers worked by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.evaluation import metrics

ACTUAL = np.array([[10.0, 20.0, np.nan]])
FORECAST = np.array([[12.0, 15.0, 7.0]])


def _constant(value: float, shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.full((*shape, len(QUANTILE_LEVELS)), value)


def test_pooled_wape_leaves_unobserved_points_out() -> None:
    assert metrics.wape(ACTUAL, FORECAST) == pytest.approx(7 / 30)


def test_pooled_wape_weighs_by_demand_and_series_wape_does_not() -> None:
    actual = np.array([[100.0, 100.0], [1.0, 1.0]])
    forecast = np.array([[90.0, 110.0], [2.0, 2.0]])
    assert metrics.wape(actual, forecast) == pytest.approx((10 + 10 + 1 + 1) / 202)
    assert metrics.wape_by_series(actual, forecast).tolist() == pytest.approx([0.1, 1.0])


def test_a_series_without_demand_has_no_ratio() -> None:
    actual = np.array([[0.0, 0.0], [np.nan, np.nan]])
    assert np.isnan(metrics.wape_by_series(actual, np.ones((2, 2)))).all()
    assert np.isnan(metrics.wape(actual, np.ones((2, 2))))


def test_a_silent_forecast_cannot_improve_its_score() -> None:
    assert np.isnan(metrics.wape(ACTUAL, np.array([[12.0, np.nan, 7.0]])))
    assert metrics.wape(ACTUAL, np.array([[12.0, 15.0, np.nan]])) == pytest.approx(7 / 30)


def test_sums_of_float32_bytes_keep_their_digits() -> None:
    actual = np.full((1, 100_000), 16_777_217 * 1024, dtype=np.float32)
    assert metrics.wape(actual, actual * np.float32(1.5)) == pytest.approx(0.5, rel=1e-6)


def test_seasonal_naive_scale_is_the_worked_example() -> None:
    assert metrics.seasonal_naive_scale(np.array([[1.0, 4.0, 3.0, 8.0]]), season=2).tolist() == [3.0]


def test_seasonal_naive_scale_uses_pairs_with_both_ends_observed() -> None:
    history = np.array([[1.0, np.nan, 3.0, 8.0]])
    assert metrics.seasonal_naive_scale(history, season=2).tolist() == [2.0]


@pytest.mark.parametrize(
    "history", [np.full((1, 8), 5.0), np.array([[5.0, 5.001] * 2]), np.ones((1, 2)), np.full((1, 8), np.nan)]
)
def test_a_near_constant_or_unknown_history_gives_no_scale(history: NDArray[np.float64]) -> None:
    assert np.isnan(metrics.seasonal_naive_scale(history, season=3)).all()


def test_mase_divides_the_mean_error_by_the_scale() -> None:
    assert metrics.mase_by_series(ACTUAL, FORECAST, np.array([7.0])).tolist() == [0.5]
    assert np.isnan(metrics.mase_by_series(ACTUAL, FORECAST, np.array([np.nan]))).all()


def test_pinball_is_the_worked_example() -> None:
    loss = metrics.pinball_loss(np.array([10.0, 10.0]), np.array([[12.0], [8.0]]), levels=[0.9])
    assert loss[:, 0].tolist() == pytest.approx([0.2, 1.8])


def test_weighted_quantile_loss_is_the_worked_example() -> None:
    loss = metrics.weighted_quantile_loss(ACTUAL, FORECAST[..., None], levels=[0.9])
    assert loss == pytest.approx(2 * (0.1 * 2 + 0.9 * 5) / 30)


def test_weighted_quantile_loss_of_the_median_alone_is_wape() -> None:
    loss = metrics.weighted_quantile_loss(ACTUAL, FORECAST[..., None], levels=[0.5])
    assert loss == pytest.approx(metrics.wape(ACTUAL, FORECAST))


def test_crps_of_a_point_forecast_is_the_absolute_error() -> None:
    assert metrics.crps(np.array([3.0]), _constant(1.0, (1,))).tolist() == pytest.approx([2.0])


def test_crps_of_a_uniform_forecast_matches_its_closed_form() -> None:
    # U(0, 1) at y = 0.5: integral of (F - 1{x >= y})^2 = 2 * (0.5^3 / 3) = 1 / 12
    levels = np.linspace(0.001, 0.999, 999)
    assert metrics.crps(np.array([0.5]), levels[None], levels.tolist())[0] == pytest.approx(1 / 12, rel=1e-3)


def test_quantile_score_on_equally_spaced_levels_is_crps() -> None:
    levels = (np.arange(500) + 0.5) / 500
    actual, quantiles = np.array([0.3]), levels[None] ** 2
    score = metrics.quantile_score(actual, quantiles, levels.tolist())
    assert score == pytest.approx(metrics.crps(actual, quantiles, levels.tolist()), rel=1e-3)


def test_coverage_counts_the_ends_as_inside_and_unobserved_points_not_at_all() -> None:
    quantiles = np.tile(np.asarray(QUANTILE_LEVELS), (4, 1))
    actual = np.array([0.1, 0.95, np.nan, 0.5])
    assert metrics.coverage(actual, quantiles, metrics.CENTRAL_80) == pytest.approx(2 / 3)
    assert metrics.coverage(actual, quantiles, metrics.CENTRAL_95) == 1.0


def test_over_and_under_forecast_add_up_to_wape() -> None:
    over, under = metrics.over_forecast_ratio(ACTUAL, FORECAST), metrics.under_forecast_ratio(ACTUAL, FORECAST)
    assert (over, under) == pytest.approx((2 / 30, 5 / 30))
    assert over + under == pytest.approx(metrics.wape(ACTUAL, FORECAST))
