"""The outlook: history and forecast pooled, and each able to veto nothing."""

import numpy as np
import pytest

from cloud_optimizer.core.contracts import QUANTILE_LEVELS
from cloud_optimizer.core.recommendations.curves import Outlook, outlook, pooled
from cloud_optimizer.core.recommendations.demand import DemandHistory
from cloud_optimizer.core.recommendations.settings import PoolSettings
from cloud_optimizer.core.sizing.recent import RecentSettings

POOL = PoolSettings(forecast_weight=0.7, least_share=0.0002, surge_share=0.0)


def history(peak: float = 1.0) -> DemandHistory:
    mean = np.full((1, 14 * 24), 0.5)
    return DemandHistory(mean, mean, np.full_like(mean, peak), np.full_like(mean, 4.0), np.full_like(mean, 12.0))


def quantiles(low: float, high: float) -> np.ndarray:
    return np.tile(np.linspace(low, high, len(QUANTILE_LEVELS)), (1, 24, 1))


def look(ahead: tuple[np.ndarray, np.ndarray], trusted: bool = True, least: float = 0.0) -> Outlook:
    return outlook(history(), ahead, np.array([least]), trusted=trusted, recent=RecentSettings(), pool=POOL)


def test_sizes_below_the_least_are_never_good_enough_and_their_risk_is_stated_as_it_is() -> None:
    seen = look((quantiles(0.4, 0.6), quantiles(0.5, 1.0)), least=3.0)
    assert seen.curve.risk(np.array([2.9])).tolist() == [1.0]
    assert seen.curve.risk(np.array([3.0]))[0] < 1e-3
    assert seen.stated.risk(np.array([2.9]))[0] < 1e-3


def test_shares_are_pooled_geometrically_and_neither_rules_out_what_the_other_saw() -> None:
    past, future = np.array([0.01, 0.0, 0.01, 0.0]), np.array([0.05, 0.05, 0.0, 0.0])
    # .01^.3 * .05^.7 = .0308; .0002^.3 * .05^.7 = .0095; .01^.3 * .0002^.7 = .00065
    assert pooled(past, future, POOL).tolist() == pytest.approx([0.0308, 0.0095, 0.00065, 0.0], rel=0.01)


def test_a_surge_nothing_has_shown_is_possible_up_to_all_the_workload_has() -> None:
    ahead = (quantiles(0.4, 0.6), quantiles(0.5, 1.0))
    pool = POOL.model_copy(update={"surge_share": 0.002})
    seen = outlook(history(), ahead, np.zeros(1), trusted=True, recent=RecentSettings(), pool=pool)
    # 3 of 4 cores: a quarter of .002; between candidates the curve is linear
    assert seen.stated.risk(np.array([3.0]))[0] == pytest.approx(0.0005, rel=0.3)
    assert seen.stated.risk(np.array([4.0]))[0] < 1e-4


def test_more_capacity_is_never_riskier_and_a_higher_forecast_never_safer() -> None:
    sizes = np.linspace(0.1, 4.0, 50)
    risks = []
    for high in (1.0, 2.0):
        seen = look((quantiles(0.4, 0.6), quantiles(0.5, high)))
        risks.append([float(seen.stated.risk(np.array([size]))[0]) for size in sizes])
        assert (np.diff(risks[-1]) <= 1e-12).all()
    assert risks[0][0] > 0.95
    assert (np.array(risks[1]) >= np.array(risks[0]) - 0.02).all()  # the candidates of the curves differ


def test_without_trust_or_forecast_history_decides_and_its_risk_reaches_above_what_was_seen() -> None:
    ahead = (quantiles(0.4, 0.6), quantiles(0.5, 3.0))
    unknown = (np.full_like(ahead[0], np.nan), np.full_like(ahead[1], np.nan))
    distrusted = look(ahead, trusted=False)
    missing = look(unknown)
    for seen in (distrusted, missing):
        assert seen.fallback.tolist() == [True]
        assert seen.curve.risk(np.array([1.05])).tolist() == [0.0]
        assert 0.0 < seen.stated.risk(np.array([1.05]))[0] < 0.05
