"""The simulated samples: stable whatever is asked for, and telling the story the settings promise."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cloud_optimizer.core.contracts import DAY, HOUR, SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.simulator.demand import REGIME_AT
from cloud_optimizer.core.simulator.faults import off_period, outage
from cloud_optimizer.core.simulator.fleet import OFF, REGIME_SHIFT, SHORT, draw_fleet, names_of
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.core.simulator.telemetry import simulate

SETTINGS = SimulatorSettings()


@pytest.fixture(scope="module")
def fleets() -> dict[str, pl.DataFrame]:
    return {name: simulate(SETTINGS, name, SETTINGS.begin, SETTINGS.end) for name in SETTINGS.clusters}


@pytest.fixture(scope="module")
def web(fleets: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return fleets["web-prod"]


def sound(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(
        pl.col("cpu_usage_cores").is_not_nan()
        & (pl.col("cpu_usage_cores") >= 0)
        & (pl.col("cpu_usage_cores") <= 2 * pl.col("cpu_capacity_cores"))
    )


@settings(max_examples=25, deadline=None)
@given(first=st.integers(-50, 60 * 288), length=st.integers(0, 12 * 288))
def test_a_sample_is_the_same_whatever_range_was_asked_for(web: pl.DataFrame, first: int, length: int) -> None:
    start = SETTINGS.begin + first * SETTINGS.cadence + timedelta(seconds=17)
    end = start + length * SETTINGS.cadence
    asked = simulate(SETTINGS, "web-prod", start, end)
    assert_frame_equal(asked, web.filter(pl.col("timestamp").is_between(start, end, closed="left")), check_exact=True)


def test_a_workload_is_the_same_in_a_smaller_cluster(web: pl.DataFrame) -> None:
    small = SETTINGS.model_copy(update={"workloads_per_cluster": 9, "clusters": ("other", "web-prod")})
    nine = draw_fleet(small, "web-prod").workload_ids
    day = pl.col("timestamp").is_between(SETTINGS.begin, SETTINGS.begin + DAY, closed="left")
    asked = simulate(small, "web-prod", SETTINGS.begin, SETTINGS.begin + DAY)
    assert len(nine) == 9
    assert_frame_equal(asked, web.filter(day & pl.col("workload_id").is_in(nine)), check_exact=True)


def test_another_seed_gives_another_fleet(web: pl.DataFrame) -> None:
    other = simulate(SETTINGS.model_copy(update={"seed": 8}), "web-prod", SETTINGS.begin, SETTINGS.begin + DAY)
    first_day = web.filter(pl.col("timestamp") < SETTINGS.begin + DAY)
    assert other["cpu_usage_cores"].mean() != first_day["cpu_usage_cores"].mean()


def test_sixty_days_of_both_clusters_are_four_hundred_thousand_rows_in_the_contract(
    fleets: dict[str, pl.DataFrame],
) -> None:
    # 2 clusters x 12 workloads x 60 d x 288 = 414,720; less two outages of 6 h (2 x 12 x 72), more 0.04 % duplicates.
    assert sum(frame.height for frame in fleets.values()) == pytest.approx(414_720 - 1_728 + 166, abs=60)
    assert all(frame.schema == SAMPLE_SCHEMA for frame in fleets.values())


def test_about_three_percent_of_the_hours_hold_a_scaling_event(fleets: dict[str, pl.DataFrame]) -> None:
    hourly = (
        pl.concat(fleets.values())
        .group_by("cluster", "workload_id", pl.col("timestamp").dt.truncate("1h"))
        .agg(pl.col("replicas").last())
        .sort("cluster", "workload_id", "timestamp")
    )
    changed = (pl.col("replicas") != pl.col("replicas").shift()).over("cluster", "workload_id").fill_null(value=False)
    assert 0.02 < hourly.select(changed.mean()).item() < 0.04


def test_capacity_follows_the_replicas(web: pl.DataFrame) -> None:
    running = web.filter(pl.col("replicas") > 0)
    per_replica = running.group_by("workload_id").agg(
        (pl.col("cpu_capacity_cores") / pl.col("replicas")).n_unique().alias("cpu"),
        (pl.col("memory_capacity_bytes") / pl.col("replicas")).n_unique().alias("memory"),
    )
    assert per_replica["cpu"].to_list() == per_replica["memory"].to_list() == [1] * per_replica.height


def test_latency_and_errors_react_to_saturation(web: pl.DataFrame) -> None:
    load = pl.col("cpu_usage_cores") / pl.col("cpu_capacity_cores")
    quiet, full = (
        sound(web).filter(condition).select(pl.col("latency_p95_seconds", "error_ratio").mean()).row(0)
        for condition in (load < 0.5, load > 0.97)
    )
    assert full[0] > 5 * quiet[0]
    assert full[1] > 20 * quiet[1]


def test_most_workloads_are_over_provisioned_and_two_run_short(web: pl.DataFrame) -> None:
    busy = (
        sound(web)
        .filter(pl.col("cpu_capacity_cores") > 0)
        .group_by("workload_id")
        .agg((pl.col("cpu_usage_cores") / pl.col("cpu_capacity_cores")).quantile(0.95).alias("p95"))
    )
    short = set(busy.filter(pl.col("p95") > 0.9)["workload_id"])
    assert short == {draw_fleet(SETTINGS, "web-prod").workload_ids[position] for position in (SHORT, 8)}
    assert busy["p95"].median() < 0.5


def test_a_service_has_a_daily_and_a_weekly_rhythm(web: pl.DataFrame) -> None:
    catalog = sound(web).filter(pl.col("workload_id") == "catalog")
    hours = catalog.group_by(pl.col("timestamp").dt.hour()).agg(pl.col("cpu_usage_cores").mean())
    weekend = catalog.group_by(pl.col("timestamp").dt.weekday() >= 6).agg(pl.col("cpu_usage_cores").mean())
    by_kind = dict(weekend.iter_rows())
    assert hours["cpu_usage_cores"].max() > 1.5 * hours["cpu_usage_cores"].min()
    assert by_kind[True] < 0.9 * by_kind[False]


def test_every_cluster_has_one_outage_without_rows(fleets: dict[str, pl.DataFrame]) -> None:
    for name, frame in fleets.items():
        times = frame["timestamp"].unique().sort()
        gap = outage(SETTINGS, name)
        widest = times.diff().arg_max()
        assert (gap.end - gap.start) == 6 * HOUR
        assert times[widest] == gap.end
        assert times.diff().drop_nulls().unique().sort().to_list() == [SETTINGS.cadence, 6 * HOUR + SETTINGS.cadence]


def test_one_workload_is_off_for_two_days(web: pl.DataFrame) -> None:
    (name,) = names_of(draw_fleet(SETTINGS, "web-prod"), (OFF,))
    off = web.filter(pl.col("cpu_capacity_cores") == 0)
    span = off_period(SETTINGS)
    assert off["workload_id"].unique().to_list() == [name]
    assert (off["timestamp"].min(), off["timestamp"].max()) == (span.start, span.end - SETTINGS.cadence)
    assert span.end - span.start == 2 * DAY
    assert off["replicas"].unique().to_list() == [0.0]
    assert off["latency_p95_seconds"].null_count() == off.height


def test_one_workload_changes_regime_after_two_thirds_of_the_range(web: pl.DataFrame) -> None:
    (name,) = names_of(draw_fleet(SETTINGS, "web-prod"), (REGIME_SHIFT,))
    shift = SETTINGS.begin + REGIME_AT * (SETTINGS.end - SETTINGS.begin)
    usage = sound(web).filter(pl.col("workload_id") == name).select("timestamp", "cpu_usage_cores")
    week_before = usage.filter(pl.col("timestamp").is_between(shift - 7 * DAY, shift))["cpu_usage_cores"].mean()
    week_after = usage.filter(pl.col("timestamp").is_between(shift, shift + 7 * DAY))["cpu_usage_cores"].mean()
    assert week_after / week_before == pytest.approx(1.9, rel=0.15)


def test_one_row_in_a_thousand_is_defective_in_five_ways(web: pl.DataFrame) -> None:
    usage = pl.col("cpu_usage_cores")
    exact = web.height - web.unique().height
    keys = web.select("workload_id", "timestamp")
    conflicts = keys.height - keys.unique().height - exact
    counts = {
        "negative": web.filter(usage < 0).height,
        "nan": web["cpu_usage_cores"].is_nan().sum(),
        "above": web.filter((usage > 20 * pl.col("cpu_capacity_cores")) & usage.is_not_nan()).height,
        "duplicate": exact,
        "conflict": conflicts,
    }
    # 207,360 samples x 0.1 % / 5 kinds = 41 of each.
    assert all(20 <= count <= 65 for count in counts.values()), counts


def test_nightly_jobs_take_no_requests_and_stay_null(fleets: dict[str, pl.DataFrame]) -> None:
    nightly = fleets["batch-prod"].filter(pl.col("workload_id") == "etl-nightly")
    assert nightly["requests_per_second"].null_count() == nightly.height
    assert nightly["error_ratio"].null_count() == nightly.height


def test_a_small_fleet_still_has_distinct_numbered_names() -> None:
    tiny = SimulatorSettings(workloads_per_cluster=1, days=2)
    large = draw_fleet(SimulatorSettings(workloads_per_cluster=30), "web-prod").workload_ids
    assert simulate(tiny, "web-prod", tiny.begin, tiny.end)["workload_id"].unique().to_list() == ["frontend"]
    assert len(set(large)) == 30
    assert large[12] == "frontend-2"


def test_outside_the_simulated_range_there_is_nothing() -> None:
    before = simulate(SETTINGS, "web-prod", datetime(2020, 1, 1, tzinfo=UTC), SETTINGS.begin)
    assert before.is_empty()
    assert before.schema == SAMPLE_SCHEMA


def test_an_unknown_cluster_is_named_in_the_refusal() -> None:
    with pytest.raises(InputError, match="no cluster 'nowhere', it has web-prod, batch-prod"):
        simulate(SETTINGS, "nowhere", SETTINGS.begin, SETTINGS.end)


def test_settings_refuse_a_cadence_that_does_not_divide_the_hour() -> None:
    with pytest.raises(ValueError, match="cadence_seconds must divide 3600"):
        SimulatorSettings(cadence_seconds=77)


def test_the_default_range_does_not_move_with_the_clock() -> None:
    assert SETTINGS.start == date(2026, 9, 7)
    assert SETTINGS.end == datetime(2026, 11, 6, tzinfo=UTC)
