"""Features against independent computations, and the promises on causality and on incremental builds."""

import subprocess
import sys
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.features.build import build_features, feature_frame
from cloud_optimizer.core.features.registry import BUILT, FEATURES, OBSERVATIONS, WARMUP
from cloud_optimizer.core.features.windows import minimum_observed
from cloud_optimizer.core.panel import Panel
from cloud_optimizer_tests.core.features.panels import START, random_panel

CLOSE = {"rtol": 2e-5, "atol": 1e-5}


def rolling_reference(values, window, statistic):
    """One series through Polars' own rolling functions, NaN as null."""
    series = pl.Series(values.astype(np.float64)).fill_nan(None)
    minimum = minimum_observed(window)
    if statistic in ("p50", "p95"):
        level = {"p50": 0.5, "p95": 0.95}[statistic]
        rolled = series.rolling_quantile(level, "linear", window_size=window, min_samples=minimum)
    else:
        rolled = getattr(series, f"rolling_{statistic}")(window_size=window, min_samples=minimum)
    return rolled.fill_null(np.nan).to_numpy()


@pytest.fixture(scope="module")
def panel():
    return random_panel(3, 420, seed=1, gap_share=0.3)


@pytest.fixture(scope="module")
def built(panel):
    return build_features(panel, threads=2)


def test_every_registered_feature_is_built_as_float32_of_the_panels_shape(built):
    assert set(built.columns) == {spec.name for spec in FEATURES}
    for spec in FEATURES:
        assert built[spec.name].dtype == np.float32 == np.dtype(spec.dtype)
        assert built[spec.name].shape == (3, 420), spec.name


@pytest.mark.parametrize("spec", [s for s in BUILT if s.transform == "rolling"], ids=lambda spec: spec.name)
def test_rolling_statistics_equal_polars(built, spec):
    source, window = built[spec.sources[0]], spec.window // HOUR
    for row in range(3):
        expected = rolling_reference(source[row], window, spec.statistic)
        scale = np.nanmax(np.abs(source[row])) if np.isfinite(source[row]).any() else 1
        np.testing.assert_allclose(built[spec.name][row] / scale, expected / scale, **CLOSE)


@pytest.mark.parametrize("spec", [s for s in BUILT if s.transform in ("lag", "change")], ids=lambda spec: spec.name)
def test_lags_and_changes_equal_a_shift(built, spec):
    source, lag = built[spec.sources[0]], spec.window // HOUR
    earlier = np.full_like(source, np.nan)
    earlier[:, lag:] = source[:, :-lag]
    expected = earlier if spec.transform == "lag" else source - earlier
    np.testing.assert_array_equal(built[spec.name], expected)


def test_same_hour_statistics_look_at_the_seven_days_before_and_not_at_the_row(built):
    source, column = built["cpu_usage_cores_max"], 300
    for row in range(3):
        days = source[row, [column - 24 * k for k in range(1, 8)]].astype(np.float64)
        for statistic, value in (
            ("mean", np.nanmean(days)),
            ("std", np.nanstd(days, ddof=1)),
            ("max", np.nanmax(days)),
        ):
            got = built[f"cpu_usage_cores_max_same_hour_{statistic}_7d"][row, column]
            assert got == pytest.approx(value, rel=1e-5)


def test_cluster_features_aggregate_the_known_workloads(panel, built):
    usage = panel["cpu_usage_cores_mean"].astype(np.float64)
    np.testing.assert_allclose(
        built["cluster_cpu_usage_cores_sum"][1],
        np.where(np.isnan(usage).all(axis=0), np.nan, np.nansum(usage, axis=0)),
        **CLOSE,
    )
    running = built["cluster_workloads_running_count"]
    np.testing.assert_array_equal(running[0], (~np.isnan(usage)).sum(axis=0))
    with np.errstate(invalid="ignore"):
        spread = [
            np.nanstd(column[~np.isnan(column)], ddof=1) if (~np.isnan(column)).sum() > 1 else np.nan
            for column in usage.T
        ]
    np.testing.assert_allclose(built["cluster_cpu_usage_cores_std"][2], spread, **CLOSE)


def test_ratios_are_unknown_where_the_divisor_is_zero():
    panel = Panel(
        ("a",),
        START,
        HOUR,
        {"cpu_usage_cores_mean": np.ones((1, 2), np.float32), "cpu_capacity_cores": np.array([[0, 4]], np.float32)},
    )
    assert np.array_equal(build_features(panel)["cpu_utilization_mean"], [[np.nan, 0.25]], equal_nan=True)


def test_a_constant_series_has_no_spread_even_when_its_values_are_huge():
    panel = Panel(("a",), START, HOUR, {"memory_usage_bytes_mean": np.full((1, 400), 3.7e11, np.float32)})
    assert np.nanmax(build_features(panel)["memory_usage_bytes_mean_rolling_std_7d"]) == 0


def test_windows_are_durations_and_scale_with_the_step():
    panel = random_panel(1, 400, seed=3, step=timedelta(minutes=5))
    built = build_features(panel)
    np.testing.assert_array_equal(built["cpu_usage_cores_mean_lag_1h"][0, 12:], panel["cpu_usage_cores_mean"][0, :-12])
    expected = rolling_reference(panel["cpu_usage_cores_max"][0], 288, "p95")
    np.testing.assert_allclose(built["cpu_usage_cores_max_rolling_p95_24h"][0], expected, **CLOSE)


def test_a_step_that_does_not_divide_an_hour_is_refused():
    with pytest.raises(ValueError, match="divides an hour"):
        build_features(random_panel(1, 4, seed=0, step=timedelta(minutes=7)))


@pytest.mark.parametrize(("count", "threads"), [(5, 1), (5, 3), (150, 2)])
def test_a_day_built_from_its_warm_up_equals_the_same_day_of_the_whole_range_to_the_last_bit(count, threads):
    whole = random_panel(count, 24 * 30, seed=4)
    full = build_features(whole)
    for day in (14, 20, 29):
        start = START + timedelta(days=day)
        end = start + timedelta(days=1)
        alone = build_features(whole.window(start - WARMUP, end), start, threads)
        assert alone.start == start
        for name, values in full.window(start, end).columns.items():
            np.testing.assert_array_equal(alone[name], values, err_msg=name)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    column=st.integers(0, 399),
    gap_share=st.sampled_from([0.0, 0.2, 0.9]),
    row=st.integers(0, 1),
)
def test_changing_any_data_after_an_interval_changes_no_feature_up_to_it(seed, column, gap_share, row):
    panel = random_panel(2, 400, seed, gap_share=gap_share)
    changed = {}
    noise = np.random.default_rng(seed + 1)
    for name, values in panel.columns.items():
        changed[name] = values.copy()
        later = noise.lognormal(sigma=3, size=400 - column - 1).astype(np.float32)
        later[noise.random(later.size) < 0.4] = np.nan
        changed[name][row, column + 1 :] = later
    before = build_features(panel)
    after = build_features(Panel(panel.workload_ids, panel.start, panel.step, changed))
    for name in before.columns:
        np.testing.assert_array_equal(before[name][:, : column + 1], after[name][:, : column + 1], err_msg=name)


def test_the_frame_says_when_each_row_becomes_known_and_leaves_out_workloads_that_did_not_exist():
    panel = random_panel(2, 24 * 20, seed=5)
    late = {name: values.copy() for name, values in panel.columns.items()}
    for values in late.values():
        values[1, : 24 * 19 + 3] = np.nan
    start = START + timedelta(days=19)
    frame = feature_frame(Panel(panel.workload_ids, START, HOUR, late), "c", start, start + timedelta(days=1))
    assert frame.columns == ["cluster", "workload_id", "timestamp", "event_timestamp", *(s.name for s in FEATURES)]
    assert set(frame.dtypes[4:]) == {pl.Float32}
    assert frame.filter(workload_id="w0").height == 24
    assert frame.filter(workload_id="w1")["timestamp"].min() == start + timedelta(hours=3)
    assert (frame["event_timestamp"] - frame["timestamp"] == timedelta(hours=1)).all()
    assert frame["cpu_usage_cores_mean"].is_nan().sum() == 0
    assert set(OBSERVATIONS) <= set(frame.columns)


@pytest.mark.parametrize(("count", "length"), [(0, 400), (2, 0), (0, 0), (1, 1)])
def test_nothing_to_build_is_built(count, length):
    built = build_features(random_panel(count, length, seed=0))
    assert {values.shape for values in built.columns.values()} == {(count, length)}
    assert built.to_frame().height == count * length


def test_a_start_at_the_end_builds_nothing_and_one_outside_is_refused():
    panel = random_panel(2, 30, seed=0)
    assert build_features(panel, panel.end).length == 0
    for start in (panel.start - HOUR, panel.end + HOUR):
        with pytest.raises(ValueError, match="outside the panel"):
            build_features(panel, start)


def test_importing_the_build_loads_no_compiler():
    program = "import sys, cloud_optimizer.core.features.build; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
