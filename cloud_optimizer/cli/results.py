"""The results of a run as files: Parquet for programs, JSON for people and scripts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from cloud_optimizer.cli.outputs import require_folder, write_text
from cloud_optimizer.connections import Platform
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.parquet import write_parquet
from cloud_optimizer.resources.warehouse import ACCURACY, FORECASTS, RECOMMENDATIONS, Table

RESULTS: dict[str, Table] = {"recommendations": RECOMMENDATIONS, "forecasts": FORECASTS, "accuracy": ACCURACY}
JSON_TEXTS = ("options", "replica_schedule")


def read_results(platform: Platform, table: Table, decided: Sequence[Slice]) -> pl.DataFrame:
    """Return the rows of a table for the decided days of all clusters."""
    warehouse = platform.warehouse
    frames = [warehouse.read(table, part.cluster, part.first, part.next_day) for part in decided]
    return pl.concat([table.schema.to_frame(), *frames])


def write_results(platform: Platform, decided: Sequence[Slice], folder: Path) -> list[Path]:
    """Write the results into the folder, replacing earlier files; return the files."""
    require_folder(folder)
    written = []
    for name, table in RESULTS.items():
        frame = read_results(platform, table, decided)
        write_parquet(frame, folder / f"{name}.parquet")
        write_text(folder / f"{name}.json", json.dumps([_nested(row) for row in json.loads(frame.write_json())]))
        written += [folder / f"{name}.parquet", folder / f"{name}.json"]
    return written


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose JSON texts of the table are lists, as docs/schemas/recommendation.schema.json has them."""
    return {**row, **{name: json.loads(row[name]) for name in JSON_TEXTS if row.get(name) is not None}}
