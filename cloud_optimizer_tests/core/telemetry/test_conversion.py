"""The rules that compute measures from a file's quantities, with worked numbers."""

import polars as pl
import pytest

from cloud_optimizer.core.telemetry.columns import plan_columns
from cloud_optimizer.core.telemetry.conversion import convert


def converted(**columns: float) -> tuple[dict[str, float | None], tuple[str, ...], tuple[str, ...]]:
    frame = pl.DataFrame({name: [value] for name, value in columns.items()})
    conversion = convert(plan_columns(frame.columns), lambda column: pl.col(column).cast(pl.Float64))
    values = frame.select(**conversion.expressions).row(0, named=True)
    return values, conversion.notes, conversion.unused


def test_cores_and_bytes_pass_unchanged() -> None:
    values, notes, unused = converted(cpu_usage_cores=1.5, cpu_capacity_cores=4, memory_usage_bytes=7.0)
    assert values == {"cpu_usage_cores": 1.5, "cpu_capacity_cores": 4.0, "memory_usage_bytes": 7.0}
    assert notes == unused == ()


def test_mhz_with_cores_and_capacity_become_cores() -> None:
    # 2 x 87.78 / 5852 = 0.03
    values, notes, _ = converted(cpu_cores=2, cpu_capacity_mhz=5852, cpu_usage_mhz=87.78)
    assert values == {"cpu_usage_cores": pytest.approx(0.03), "cpu_capacity_cores": 2.0}
    assert "a workload is off where cpu_capacity_mhz is 0" in notes


def test_no_mhz_mean_off_and_an_unknown_usage() -> None:
    values, _, _ = converted(cpu_cores=2, cpu_capacity_mhz=0, cpu_usage_mhz=12)
    assert values == {"cpu_usage_cores": None, "cpu_capacity_cores": 0.0}


def test_mhz_without_cores_assume_a_core_of_2500() -> None:
    values, notes, _ = converted(cpu_capacity_mhz=10_000, cpu_usage_mhz=1_250)
    assert values == {"cpu_usage_cores": 0.5, "cpu_capacity_cores": 4.0}
    assert notes == ("no core count: 2500 MHz are taken as one core", "cpu_usage_cores = usage MHz / 2500")


def test_utilization_is_a_share_of_the_capacity() -> None:
    values, _, _ = converted(cpu_utilization_percent=25, cpu_utilization_max=0.5, vcpus=8)
    assert values == {"cpu_usage_cores": 2.0, "cpu_usage_peak_cores": 4.0, "cpu_capacity_cores": 8.0}


def test_utilization_alone_is_a_share_of_one_core_and_says_so() -> None:
    values, notes, _ = converted(cpu_utilization=0.51)
    assert values == {"cpu_usage_cores": 0.51, "cpu_capacity_cores": 1.0}
    assert notes[0] == "no CPU capacity: each workload is taken as one core, so usage is in shares of it"


def test_utilization_above_one_is_kept_as_received() -> None:
    assert converted(cpu_utilization=1.07, cpu_cores=2)[0]["cpu_usage_cores"] == pytest.approx(2.14)


def test_memory_utilization_needs_a_capacity() -> None:
    values, _, _ = converted(memory_utilization=0.5, memory_capacity_kb=1000)
    assert values == {"memory_usage_bytes": 512_000.0, "memory_capacity_bytes": 1_024_000.0}
    values, notes, unused = converted(memory_utilization=0.5, cpu_usage_cores=0.1)
    assert values == {"cpu_usage_cores": 0.1}
    assert notes == ("memory_utilization: not used, there is no capacity of which it is a share",)
    assert unused == ()


def test_a_quantity_that_no_rule_needs_is_reported() -> None:
    _, notes, unused = converted(cpu_usage_cores=1, cpu_utilization=0.5, disk_read=2, network_in=3)
    assert unused == ("cpu_utilization",)
    assert notes == ("disk_read, network_in: read as KB/s, times 1024",)
