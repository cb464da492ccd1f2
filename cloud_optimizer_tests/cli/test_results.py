"""The files of a run hold what the warehouse holds, with lists where the table has their JSON text."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

import polars as pl

from cloud_optimizer.cli.results import write_results
from cloud_optimizer.connections import Platform
from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.warehouse import RECOMMENDATIONS, Warehouse
from cloud_optimizer_tests.resources.warehouse.frames import rows

FIRST = date(2026, 3, 1)


@dataclass(frozen=True)
class Place:
    """What the results use of a platform."""

    warehouse: Warehouse


def test_options_and_schedule_of_a_recommendation_are_lists_in_the_json_file(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    stored = rows(RECOMMENDATIONS, "web", FIRST, workloads=2).with_columns(
        replica_schedule=pl.Series([None, '[{"hour": 0, "replicas": 2, "at": "00:00"}]'])
    )
    warehouse.replace("web", FIRST, FIRST + DAY, {RECOMMENDATIONS: stored})
    write_results(cast(Platform, Place(warehouse)), [Slice("web", FIRST, FIRST)], tmp_path)
    records = json.loads((tmp_path / "recommendations.json").read_text())
    assert [record["replica_schedule"] for record in records] == [None, [{"hour": 0, "replicas": 2, "at": "00:00"}]]
    assert all(not isinstance(record["options"], str) for record in records)
    assert pl.read_parquet(tmp_path / "recommendations.parquet").height == len(records) == 2
