"""Validation of one cluster's samples: rows to a clean grid and a quarantine, nothing lost in between."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cloud_optimizer.core.contracts import SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.records import QUARANTINE_SCHEMA
from cloud_optimizer.core.validation.cadence import Cadence, detect_cadence
from cloud_optimizer.core.validation.duplicates import reject_duplicates
from cloud_optimizer.core.validation.grid import to_grid
from cloud_optimizer.core.validation.report import ValidationReport
from cloud_optimizer.core.validation.rules import detail_column, reason_column, row_rules
from cloud_optimizer.core.validation.settings import ValidationSettings


@dataclass(frozen=True)
class Validated:
    """The outcome of validation.

    Args:
        clean: `CLEAN_SCHEMA`, sorted by workload and time.
        quarantined: `QUARANTINE_SCHEMA`, one row a rejected sample, with its values as received.
        report: Counts and words about both.
    """

    clean: pl.DataFrame
    quarantined: pl.DataFrame
    report: ValidationReport


def validate(
    samples: pl.DataFrame,
    start: datetime,
    end: datetime,
    settings: ValidationSettings | None = None,
    cadence: Cadence | None = None,
) -> Validated:
    """Validate the samples of one cluster for the whole days [start, end).

    Args:
        samples: `SAMPLE_SCHEMA` rows of one cluster, in any order.
        start: First instant, UTC.
        end: End, UTC, exclusive.
        settings: Bounds of plausible telemetry.
        cadence: Grid to use; detected in the samples where it is not given. Runs over parts of a trace should share
            one, since a partition of a few samples does not show its cadence.

    Raises:
        InputError: The samples belong to several clusters, or their cadence is coarser than the grid ladder.
    """
    settings = settings or ValidationSettings()
    samples = samples.select(SAMPLE_SCHEMA.names()).cast(SAMPLE_SCHEMA)
    cluster = _only_cluster(samples)
    cadence = cadence or detect_cadence(samples, settings)
    rules = row_rules(start, end, settings)
    judged = samples.with_columns(reason_column(rules))
    plausible = judged.filter(pl.col("reason").is_null()).drop("reason")
    broken = judged.filter(pl.col("reason").is_not_null()).with_columns(detail_column(rules))
    accepted, repeated = reject_duplicates(plausible)
    names = QUARANTINE_SCHEMA.names()
    quarantined = pl.concat([broken.select(names), repeated.select(names)]).sort("workload_id", "timestamp", "reason")
    clean = to_grid(accepted, cluster, start, end, cadence.step)
    return Validated(clean, quarantined, _report(samples.height, clean, quarantined, cadence))


def _only_cluster(samples: pl.DataFrame) -> str:
    clusters = samples["cluster"].unique().to_list()
    if len(clusters) > 1 or None in clusters:
        raise InputError(f"samples of one cluster are validated at a time, these name {len(clusters)}: {clusters[:5]}")
    return str(clusters[0]) if clusters else ""


def _report(received: int, clean: pl.DataFrame, quarantined: pl.DataFrame, cadence: Cadence) -> ValidationReport:
    accepted = int(clean["sample_count"].sum())
    if accepted + quarantined.height != received:
        raise AssertionError(f"{received} samples received, {accepted} kept and {quarantined.height} quarantined")
    states = dict(clean["state"].cast(pl.String).value_counts().iter_rows())
    merged = clean.filter(pl.col("sample_count") > 1)["sample_count"].sum()
    return ValidationReport(
        received=received,
        accepted=accepted,
        quarantined=quarantined.height,
        reasons=dict(quarantined["reason"].value_counts().sort("reason").iter_rows()),
        merged=int(merged),
        workloads=clean["workload_id"].n_unique(),
        on_slots=states.get("on", 0),
        off_slots=states.get("off", 0),
        gap_slots=states.get("gap", 0),
        step=cadence.step,
        regular=cadence.regular,
        cadence_note=cadence.note,
    )
