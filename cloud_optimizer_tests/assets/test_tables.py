"""Frames as the Dagster UI shows them: units, heads and row counts of each partition."""

import ast
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cloud_optimizer import assets
from cloud_optimizer.assets.tables import (
    rows_by_day,
    sums_of_money,
    table_head,
    table_schema,
    tell_of_slice,
    unit_of,
)
from cloud_optimizer.core.contracts import MEASURES, ROLLUP_SCHEMA, SAMPLE_SCHEMA
from cloud_optimizer.partitions import Slice


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("cpu_usage_cores_mean", "cores"),
        ("memory_capacity_bytes", "bytes"),
        ("disk_read_bytes_per_second", "bytes per second"),
        ("requests_per_second", "requests per second"),
        ("latency_p95_seconds", "seconds"),
        ("error_ratio", "fraction, 0 to 1"),
        ("list_monthly_cost_after", "currency a month"),
        ("q0.95", "unit of the target"),
        ("wape", "share of demand"),
        ("payback_days", "days"),
        ("workload_id", None),
    ],
)
def test_the_unit_is_the_one_the_column_carries(column: str, unit: str | None) -> None:
    assert unit_of(column) == unit


def test_money_is_summed_for_each_currency() -> None:
    frame = pl.DataFrame({"currency": ["USD", "EUR", "USD"], "saving": [1.0, 2.0, None], "cost": [3.0, 4.0, 5.0]})
    sums = sums_of_money(frame, "saving", "cost")
    assert sums == {"saving_usd": 1.0, "cost_usd": 8.0, "saving_eur": 2.0, "cost_eur": 4.0}


def test_every_measure_of_telemetry_has_a_unit() -> None:
    assert [name for name in MEASURES if unit_of(name) is None] == []


def test_a_schema_states_type_and_unit_and_keeps_order() -> None:
    columns = table_schema(SAMPLE_SCHEMA).columns
    assert [column.name for column in columns] == SAMPLE_SCHEMA.names()
    by_name = {column.name: column for column in columns}
    assert (by_name["cpu_usage_cores"].type, by_name["cpu_usage_cores"].description) == ("Float64", "cores")
    assert by_name["workload_id"].description is None


def test_a_description_that_is_given_stands_in_the_place_of_the_unit() -> None:
    (column,) = table_schema(pl.Schema({"error_ratio": pl.Float32()}), {"error_ratio": "failed / all"}).columns
    assert column.description == "failed / all"


def test_text_that_sounds_like_a_measure_gets_no_unit() -> None:
    (column,) = table_schema(pl.Schema({"risk_words": pl.String()})).columns
    assert column.description is None


def test_a_head_shows_the_first_rows_as_values_that_the_browser_can_show() -> None:
    frame = pl.DataFrame(
        {
            "timestamp": [datetime(2026, 3, 1, 12, 30, 59, tzinfo=UTC)] * 9,
            "date": [date(2026, 3, 1)] * 9,
            "value": [None, *range(8)],
            "codes": [["CPU_OVER", "FLOOR_APPLIED"]] * 9,
        }
    )
    head = table_head(frame)
    assert len(head.records) == 5
    assert head.records[0].data == {
        "timestamp": "2026-03-01 12:30+00:00",
        "date": "2026-03-01",
        "value": "",
        "codes": "['CPU_OVER', 'FLOOR_APPLIED']",
    }
    assert head.records[1].data["value"] == 0
    assert [column.name for column in head.schema.columns] == frame.columns


def test_an_empty_frame_keeps_its_columns() -> None:
    head = table_head(ROLLUP_SCHEMA.to_frame())
    assert head.records == []
    assert len(head.schema.columns) == len(ROLLUP_SCHEMA)


@dataclass
class Context:
    """Records what an asset attaches to its partitions."""

    attached: list[tuple[str | None, str, Any]] = field(default_factory=list)

    def add_asset_metadata(self, metadata: Any, asset_key: str | None = None, partition_key: str = "") -> None:
        self.attached.append((asset_key, str(partition_key), metadata))


def test_every_day_of_the_slice_gets_its_count_and_a_day_without_rows_gets_zero() -> None:
    context = Context()
    part = Slice("web", date(2026, 3, 1), date(2026, 3, 3))
    rows_by_day(context, part, pl.Series([part.first, part.first, part.last]), "workload_metrics")  # type: ignore[arg-type]
    counts = [(asset, key, facts["dagster/partition_row_count"]) for asset, key, facts in context.attached]
    assert counts == [
        ("workload_metrics", "web|2026-03-01", 2),
        ("workload_metrics", "web|2026-03-02", 0),
        ("workload_metrics", "web|2026-03-03", 1),
    ]
    shown = ["dagster/column_lineage" in facts for _, _, facts in context.attached]
    assert shown == [False, False, True]


@pytest.mark.parametrize(
    ("last", "days"), [(date(2026, 3, 3), {"days": "2026-03-01 to 2026-03-03"}), (date(2026, 3, 1), {})]
)
def test_what_is_told_of_a_slice_stands_on_its_last_partition_with_its_days(last: date, days: dict[str, str]) -> None:
    context = Context()
    tell_of_slice(context, Slice("web", date(2026, 3, 1), last), {"rows": 3}, "workload_metrics")  # type: ignore[arg-type]
    assert context.attached == [("workload_metrics", f"web|{last}", {**days, "rows": 3})]


def test_no_asset_tells_anything_of_all_partitions_of_a_run() -> None:
    calls = [
        (path.name, node.lineno)
        for path in Path(assets.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        if ast.unparse(node.func) == "MaterializeResult" and any(word.arg == "metadata" for word in node.keywords)
    ]
    assert calls == []
