"""Drift reports for people, rendered by Evidently from a sample. The verdict itself is core.drift, on all the data."""

import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from cloud_optimizer.core.drift.layout import KEYS
from cloud_optimizer.core.drift.settings import Kind
from cloud_optimizer.resources.parquet import path_part

NUMBER_METHOD: Final = "psi"
CATEGORY_METHOD: Final = "jensenshannon"
"""Effect sizes both: a p-value on thousands of rows is 0 for differences that matter to nobody."""

_OFF_SWITCHES: Final = {"DO_NOT_TRACK": "true"}


class DriftReportSettings(BaseModel):
    """How much of the data a report shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample_rows: int = Field(default=10_000, ge=100, le=1_000_000, description="Rows of each side that are compared.")
    worst_columns: int = Field(default=10, ge=1, le=100, description="Columns that get a plot of their own.")
    threshold: float = Field(default=0.1, gt=0.0, le=10.0, description="PSI or Jensen-Shannon distance drawn as drift.")
    seed: int = Field(default=0, ge=0, description="Seed of the sample: a rerun renders the same report.")


@dataclass(frozen=True)
class DriftReportFiles:
    """Where a rendered report lies.

    Args:
        json: The numbers.
        html: The page; None where it was not asked for.
    """

    json: Path
    html: Path | None


class DriftReports:
    """Writes reports into a folder: `<cluster>/<day>-<kind>.json` and `.html`."""

    def __init__(self, folder: Path, settings: DriftReportSettings | None = None):
        self._folder = folder
        self._settings = settings or DriftReportSettings()

    def render(
        self,
        cluster: str,
        day: date,
        kind: Kind,
        reference: pl.DataFrame,
        current: pl.DataFrame,
        *,
        worst: Sequence[str] = (),
        html: bool = False,
    ) -> DriftReportFiles | None:
        """Render one kind of one day, replacing what was there; JSON always, the page (4 to 8 MB) on request.

        Args:
            cluster: Cluster name.
            day: The day judged.
            kind: What the frames hold.
            reference: Reference rows: workload_id, timestamp and the columns watched.
            current: The day's rows with the same columns.
            worst: Columns to plot, worst first; columns that are unknown on either side are left out.
            html: Write the page too.

        Returns:
            The files, or None where no column is known on both sides: there is nothing to show.
        """
        columns = _comparable(reference, current)
        if not columns:
            return None
        shown = [name for name in worst if name in columns][: self._settings.worst_columns]
        before, now = (self._sample(frame.select(columns)) for frame in (reference, current))
        snapshot = _run(before, now, shown, self._settings)
        stem = self._folder / path_part(cluster) / f"{day.isoformat()}-{kind}"
        facts = {"cluster": cluster, "date": day.isoformat(), "kind": kind, "rows": [before.height, now.height]}
        numbers = _write(stem.with_suffix(".json"), json.dumps({**facts, **json.loads(snapshot.json())}))
        page = _write(stem.with_suffix(".html"), snapshot.get_html_str(as_iframe=False)) if html else None
        return DriftReportFiles(numbers, page)

    def _sample(self, frame: pl.DataFrame) -> pl.DataFrame:
        rows = self._settings.sample_rows
        return frame.sample(rows, seed=self._settings.seed) if frame.height > rows else frame


def _comparable(reference: pl.DataFrame, current: pl.DataFrame) -> list[str]:
    """Columns known on both sides: Evidently refuses one that is empty."""
    watched = [name for name in reference.columns if name not in KEYS and name in current.columns]
    return [name for name in watched if all(side[name].null_count() < side.height for side in (reference, current))]


def _run(reference: pl.DataFrame, current: pl.DataFrame, shown: Sequence[str], settings: DriftReportSettings) -> Any:
    numbers = [name for name, dtype in reference.schema.items() if dtype.is_numeric()]
    words = [name for name in reference.columns if name not in numbers]
    methods = {**dict.fromkeys(numbers, NUMBER_METHOD), **dict.fromkeys(words, CATEGORY_METHOD)}
    for name, value in _OFF_SWITCHES.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its import uses names that NumPy has deprecated
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import DriftedColumnsCount, ValueDrift

        definition = DataDefinition(numerical_columns=numbers, categorical_columns=words)
        now, before = (
            Dataset.from_pandas(_plain(side, words).to_pandas(), definition) for side in (current, reference)
        )
        limit = settings.threshold
        overview = DriftedColumnsCount(
            columns=reference.columns,
            num_method=NUMBER_METHOD,
            num_threshold=limit,
            cat_method=CATEGORY_METHOD,
            cat_threshold=limit,
        )
        plots = [ValueDrift(column=name, method=methods[name], threshold=limit) for name in shown]
        return Report([overview, *plots]).run(now, before)


def _plain(frame: pl.DataFrame, words: Sequence[str]) -> pl.DataFrame:
    return frame.with_columns(pl.col(words).cast(pl.String), pl.exclude(words).cast(pl.Float64))


def _write(path: Path, text: str) -> Path:
    """Write under a temporary name, then rename: readers see the old report or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
