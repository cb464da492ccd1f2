"""Matching the columns of telemetry files with the declared table."""

import re
from pathlib import Path

import pytest

from cloud_optimizer.core.contracts import MEASURES
from cloud_optimizer.core.telemetry.column_table import COLUMN_TABLE, KEY_NAMES
from cloud_optimizer.core.telemetry.columns import normalise, plan_columns
from cloud_optimizer.core.telemetry.long_form import METRIC_TABLE

PAGE = Path(__file__).resolve().parents[3] / "docs" / "telemetry.md"


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("CPU usage [%]", "cpu_usage_percent"),
        ("\tDisk read throughput [KB/s]", "disk_read_throughput_kb_s"),
        ("Timestamp [ms]", "timestamp_ms"),
        ("cpuUsage", "cpuusage"),
        ("", ""),
    ],
)
def test_a_column_name_is_compared_without_case_and_punctuation(written: str, normal: str) -> None:
    assert normalise(written) == normal


def test_every_measure_has_a_name_of_its_own_in_its_own_unit() -> None:
    own = {entry.quantity for entry in COLUMN_TABLE if entry.factor == 1.0 and entry.quantity in entry.names}
    assert set(MEASURES) <= own


def test_no_name_stands_twice_in_the_table() -> None:
    names = [name for entry in COLUMN_TABLE for name in entry.names]
    names += [name for accepted in KEY_NAMES.values() for name in accepted]
    assert len(names) == len(set(names))
    assert all(name == normalise(name) for name in names)


def test_the_first_name_of_the_table_wins_and_the_other_is_reported() -> None:
    plan = plan_columns(["time", "pod", "container", "cpu_usage_millicores", "cpu_usage_cores", "flavour"])
    assert (plan.timestamp, plan.workload_id, plan.cluster) == ("time", "pod", None)
    assert plan.quantities["cpu_usage_cores"].column == "cpu_usage_cores"
    assert plan.second == ("container", "cpu_usage_millicores")
    assert plan.unknown == ("flavour",)


def test_a_name_without_a_unit_that_could_be_anything_is_unknown() -> None:
    assert plan_columns(["cpu_usage", "memory", "cpu"]).unknown == ("cpu_usage", "memory", "cpu")


def test_the_manual_shows_the_tables_that_the_program_uses() -> None:
    page = PAGE.read_text()
    tidy = page.partition("## Long form")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", tidy, flags=re.MULTILINE)
    shown = [(quantity, unit, factor, tuple(re.findall(r"`(\w+)`", names))) for quantity, unit, factor, names in rows]
    assert shown == [(entry.quantity, entry.unit, f"{entry.factor:.12g}", entry.names) for entry in COLUMN_TABLE]
    for rule in METRIC_TABLE:
        becomes = f"{rule.measure}{' / seconds of an interval' if rule.per_interval else ''}"
        assert f"| `{rule.metric}` | {rule.unit or 'not stated'} | {becomes} | {rule.factor:g} |" in page
    for key, names in KEY_NAMES.items():
        assert f"| `{key}` | {', '.join(f'`{name}`' for name in names)} |" in page
