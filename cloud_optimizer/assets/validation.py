"""Validation: received samples become a clean grid, an hourly roll-up and a quarantine that explains itself."""

from collections.abc import Iterator
from datetime import datetime

import polars as pl
from dagster import AssetCheckResult, AssetExecutionContext, AssetSpec, MaterializeResult, ResourceParam, multi_asset

from cloud_optimizer.assets.checks import SliceCheck, check_results, check_specs
from cloud_optimizer.assets.graph import DAILY, OWNERS, TAGS
from cloud_optimizer.assets.ingestion import raw_workload_metrics
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import rows_by_day, table_head, table_schema, tell_of_slice
from cloud_optimizer.assets.versions import versioned
from cloud_optimizer.core.clock import Clock
from cloud_optimizer.core.contracts import CLEAN_SCHEMA, HOUR
from cloud_optimizer.core.records import QUARANTINE_SCHEMA
from cloud_optimizer.core.rollup import roll_up
from cloud_optimizer.core.validation import Validated, run_checks, validate
from cloud_optimizer.core.validation.contract import clean_contract
from cloud_optimizer.core.versions import day_versions
from cloud_optimizer.partitions import BACKFILL_POLICY, PARTITIONS, Slice, slices_of
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource, SourceCatalog
from cloud_optimizer.resources.warehouse import CLEAN_SAMPLES, HOURS, QUARANTINE, RAW_SAMPLES, Warehouse
from cloud_optimizer.settings import Settings

CHECKS = {
    "row_count": "Samples arrived, and each of them was accepted or quarantined.",
    "required_columns": "The measures that everything depends on are known.",
    "nulls": "Few expected values are missing.",
    "ranges": "Few rows lie outside what is physically plausible.",
    "duplicates": "Few rows repeat another one, and no slot of the grid occurs twice.",
    "monotonic_time": "Time only moves forward on the grid of every workload.",
    "freshness": "The newest sample is close to the end of the partition.",
    "completeness": "Few slots of the grid had no sample.",
}
BLOCKING = {name: name != "completeness" for name in CHECKS}


@multi_asset(
    specs=[
        AssetSpec(
            "workload_metrics",
            deps=[raw_workload_metrics],
            description="Clean telemetry on a regular grid, gaps and off periods explicit, with its hourly roll-up.",
            group_name="validation",
            kinds={"postgres", "polars"},
            owners=OWNERS,
            tags=TAGS,
            freshness_policy=DAILY,
            metadata={"dagster/column_schema": table_schema(CLEAN_SCHEMA)},
        ),
        AssetSpec(
            "quarantined_metrics",
            deps=[raw_workload_metrics],
            description="Every rejected row as it came, with the reason. Clean plus quarantined is what was received.",
            group_name="validation",
            kinds={"postgres", "polars"},
            owners=OWNERS,
            tags=TAGS,
            freshness_policy=DAILY,
            metadata={"dagster/column_schema": table_schema(QUARANTINE_SCHEMA)},
        ),
    ],
    check_specs=check_specs("workload_metrics", BLOCKING, CHECKS),
    partitions_def=PARTITIONS,
    backfill_policy=BACKFILL_POLICY,
    name="validation",
)
@waits_for_services
def validation(
    context: AssetExecutionContext,
    telemetry: ResourceParam[SourceCatalog],
    warehouse: ResourceParam[Warehouse],
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> Iterator[MaterializeResult | AssetCheckResult]:
    """Validate every slice at once and replace grid, roll-up and quarantine in one transaction."""
    checks: list[SliceCheck] = []
    versions = {}
    for part in slices_of(context):
        source = telemetry.entry(part.cluster)
        cadence = source.cadence
        samples = warehouse.read(RAW_SAMPLES, part.cluster, part.first, part.next_day)
        validated = validate(samples, part.start, part.end, settings.validation, cadence)
        clean_contract(settings.validation).validate(validated.clean, lazy=True)
        hours = roll_up(validated.clean, HOUR, cadence.step)
        frames = {CLEAN_SAMPLES: validated.clean, QUARANTINE: validated.quarantined, HOURS: hours}
        warehouse.replace(part.cluster, part.first, part.next_day, frames)
        rows_by_day(context, part, validated.clean["timestamp"].dt.date(), "workload_metrics")
        rows_by_day(context, part, validated.quarantined["timestamp"].dt.date(), "quarantined_metrics")
        versions |= {part.key(day): text for day, text in day_versions(part.days, validated.clean, hours).items()}
        verdicts = run_checks(
            validated, part.start, part.end, settings.validation, _judged_at(source, part, samples, clock())
        )
        checks += [SliceCheck(v.name, part, v.passed, v.description, v.metadata) for v in verdicts]
        tell_of_slice(context, part, _clean_metadata(part, validated), "workload_metrics")
        tell_of_slice(context, part, _quarantine_metadata(validated), "quarantined_metrics")
    yield from versioned(context, "workload_metrics", versions)
    yield MaterializeResult("quarantined_metrics")
    yield from check_results("workload_metrics", checks, BLOCKING)


def _judged_at(source: RegisteredSource, part: Slice, samples: pl.DataFrame, now: datetime) -> datetime:
    """Return the time as of which telemetry must be fresh: a recording is not late because it ends at noon."""
    newest = samples["timestamp"].max()
    ended = source.is_recorded and part.end >= source.end_sample
    return newest if ended and isinstance(newest, datetime) else now


def _clean_metadata(part: Slice, validated: Validated) -> dict[str, object]:
    report = validated.report
    return {
        "cluster": part.cluster,
        "samples_received": report.received,
        "samples_accepted": report.accepted,
        "workloads": report.workloads,
        "slots_on": report.on_slots,
        "slots_off": report.off_slots,
        "slots_gap": report.gap_slots,
        "cadence": report.cadence_note,
        "head": table_head(validated.clean),
    }


def _quarantine_metadata(validated: Validated) -> dict[str, object]:
    reasons = {f"reason_{reason}": count for reason, count in validated.report.reasons.items()}
    return {"samples_quarantined": validated.report.quarantined, **reasons, "head": table_head(validated.quarantined)}
