"""What a workload asks for is what its recommendation obeys and says."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.recommendations.recommend import recommend
from cloud_optimizer.core.recommendations.settings import RecommendationSettings
from cloud_optimizer_tests.core.recommendations.fleet import GIB, ORIGIN, inputs, rollup

STEADY = np.full(14 * 24, 0.5)


def record_of(
    history: pl.DataFrame, settings: RecommendationSettings | None = None, **wishes: object
) -> dict[str, object]:
    preferences = pl.DataFrame({"workload_id": ["web"]} | {name: [value] for name, value in wishes.items()})
    return recommend(inputs(history, preferences=preferences), settings).row(0, named=True)


def test_owner_limits_and_overlap_group_are_written_down() -> None:
    record = record_of(rollup("web", STEADY), owner="team-a", cpu_limit_cores=8.0, overlap_group="blue-green")
    assert (record["owner"], record["current_cpu_limit_cores"]) == ("team-a", 8.0)
    assert record["overlap_group"] == "blue-green"
    assert record_of(rollup("web", STEADY))["overlap_group"] == "web"


def test_memory_stays_above_the_limit_that_a_kill_hit() -> None:
    record = record_of(rollup("web", STEADY), oom_memory_bytes=3 * GIB)
    assert record["recommended_memory_bytes"] >= 1.25 * 3 * GIB
    assert "OOM_SEEN" in record["reason_codes"]
    scaled = record_of(rollup("web", STEADY * 8, cpu_capacity_cores=16.0, replicas_mean=4.0), oom_memory_bytes=3 * GIB)
    assert scaled["recommended_memory_bytes"] / scaled["recommended_replicas"] >= 1.25 * 3 * GIB
    off = record_of(rollup("web", STEADY, replicas_mean=[1.0] * (len(STEADY) - 1) + [0.0]), oom_memory_bytes=3 * GIB)
    assert off["recommended_memory_bytes"] >= 1.25 * 3 * GIB


@pytest.mark.parametrize(
    ("weekday", "hour", "opens", "end"),
    [
        (None, 3, "2026-03-11 03:00 to 05:00", datetime(2026, 3, 12, tzinfo=UTC)),  # the day of validity ends later
        (3, 3, "2026-03-11 03:00 to 05:00", datetime(2026, 3, 12, tzinfo=UTC)),  # the origin is a Wednesday
        (6, 22, "2026-03-14 22:00 to 2026-03-15 00:00", datetime(2026, 3, 15, tzinfo=UTC)),
        (2, 0, "2026-03-17 00:00 to 02:00", datetime(2026, 3, 17, 2, tzinfo=UTC)),
    ],
)
def test_a_recommendation_names_its_maintenance_window_and_is_valid_until_that_has_ended(
    weekday: int | None, hour: int, opens: str, end: datetime
) -> None:
    wishes = {"maintenance_weekday": weekday, "maintenance_start_hour": hour, "maintenance_hours": 2.0}
    record = record_of(rollup("web", STEADY), **wishes)
    assert record["valid_until"] == end
    assert record["window_end"] - record["window_start"] == timedelta(hours=2)
    assert f"waits for the workload's maintenance window, {opens} UTC." in record["explanation"]
    assert "MAINTENANCE_WINDOW" in record["reason_codes"]


def test_a_size_that_stays_waits_for_no_maintenance_window() -> None:
    best = record_of(rollup("web", STEADY))
    sizes = {
        "cpu_capacity_cores": best["recommended_cpu_cores"],
        "memory_capacity_bytes": best["recommended_memory_bytes"],
    }
    record = record_of(rollup("web", STEADY, **sizes), maintenance_start_hour=3)
    assert (record["finding"], record["effort"]) == ("Optimized", "none")
    assert (record["window_start"], record["window_end"]) == (None, None)
    assert "maintenance window" not in record["explanation"]


def test_a_decrease_waits_for_the_cool_down_and_an_increase_does_not() -> None:
    base = RecommendationSettings()
    settings = base.model_copy(update={"cpu": base.cpu.model_copy(update={"cool_down_hours": 48.0})})
    recently = {"last_changed_at": ORIGIN - timedelta(hours=10)}
    waiting = record_of(rollup("web", STEADY), settings, **recently)
    assert (waiting["recommended_cpu_cores"], waiting["finding"]) == (4.0, "Overprovisioned")
    assert "until the cool-down" in waiting["explanation"]
    busy = rollup("web", np.full(14 * 24, 3.5), cpu_usage_cores_p95=4.0, cpu_usage_cores_max=4.0)
    assert record_of(busy, settings, **recently)["recommended_cpu_cores"] > 4.0
    assert record_of(rollup("web", STEADY), settings)["recommended_cpu_cores"] < 4.0


def test_a_change_goes_no_further_than_a_step_and_no_lower_than_the_floor() -> None:
    base = RecommendationSettings()
    stepped = base.model_copy(update={"cpu": base.cpu.model_copy(update={"maximum_decrease": 0.25})})
    assert record_of(rollup("web", STEADY), stepped)["recommended_cpu_cores"] == 3.0
    floored = base.model_copy(update={"cpu": base.cpu.model_copy(update={"floor": 1.0})})
    record = record_of(rollup("web", STEADY), floored)
    assert record["recommended_cpu_cores"] == 1.0
    assert "FLOOR_APPLIED" in record["reason_codes"]
    assert record["uncapped_cpu_cores"] < 1.0


def test_a_shorter_lookback_forgets_what_was_before() -> None:
    fell = np.concatenate([np.full(10 * 24, 3.0), np.full(4 * 24, 0.3)])
    long, short = record_of(rollup("web", fell)), record_of(rollup("web", fell), lookback_days=3.0)
    assert short["lookback_days"] == 3.0
    assert short["recommended_cpu_cores"] < 0.5 < long["recommended_cpu_cores"]


@pytest.mark.parametrize(("traffic", "code"), [(95.0, "UNDER"), (10.0, "OVER"), (50.0, None)])
def test_disk_and_network_are_compared_with_their_limits(traffic: float, code: str | None) -> None:
    columns = dict.fromkeys(("disk_read_bytes_per_second_mean", "network_receive_bytes_per_second_mean"), traffic)
    columns |= dict.fromkeys(("disk_write_bytes_per_second_mean", "network_transmit_bytes_per_second_mean"), 0.0)
    limits = {"disk_limit_bytes_per_second": 100.0, "network_limit_bytes_per_second": 100.0}
    codes = set(record_of(rollup("web", STEADY, **columns), **limits)["reason_codes"])
    wanted = {f"DISK_{code}", f"NETWORK_{code}"} if code else set()
    assert {name for name in codes if name.startswith(("DISK", "NETWORK"))} == wanted


def test_in_place_resizing_needs_no_restart_and_little_work() -> None:
    in_place = record_of(rollup("web", STEADY), in_place_resize=True)
    restarted = record_of(rollup("web", STEADY))
    assert (in_place["restart_needed"], in_place["effort"]) == (False, "low")
    assert (restarted["restart_needed"], restarted["effort"]) == (True, "medium")


def test_a_season_is_named_and_gaps_lower_the_confidence() -> None:
    daily = np.tile([0.2] * 23 + [2.0], 14)
    assert "SEASONAL_PEAK" in record_of(rollup("web", daily))["reason_codes"]
    thin = rollup("web", STEADY, on_count=7)
    record = record_of(thin)
    assert record["completeness"] == pytest.approx(7 / 12)
    assert "LOW_CONFIDENCE" in record["reason_codes"]
