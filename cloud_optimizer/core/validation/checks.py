"""The checks a validated partition must pass, as pure functions over what validation returned.

A blocking check that fails stops everything downstream; the others warn. An empty partition passes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from cloud_optimizer.core.contracts import CLEAN_SCHEMA, MEASURES
from cloud_optimizer.core.validation.rules import CAPACITIES, DUPLICATE_REASONS, RANGE_REASONS
from cloud_optimizer.core.validation.settings import ValidationSettings
from cloud_optimizer.core.validation.validator import Validated


@dataclass(frozen=True)
class CheckResult:
    """The verdict of one check.

    Args:
        name: Name of the check, as a person sees it.
        passed: False also where nothing could be judged.
        blocking: True when a failure must stop what comes after.
        description: What was found, in one sentence.
        metadata: The numbers behind it.
    """

    name: str
    passed: bool
    blocking: bool
    description: str
    metadata: Mapping[str, int | float | str] = field(default_factory=dict)


def run_checks(
    validated: Validated, start: datetime, end: datetime, settings: ValidationSettings, now: datetime
) -> tuple[CheckResult, ...]:
    """Return the verdict of every check on the range [start, end), as of `now` (UTC)."""
    return (
        check_row_count(validated, settings),
        check_required_columns(validated, settings),
        check_nulls(validated, settings),
        check_ranges(validated, settings),
        check_duplicates(validated, settings),
        check_monotonic_time(validated, start, end),
        check_freshness(validated, end, settings, now),
        check_completeness(validated, settings),
    )


def check_row_count(validated: Validated, settings: ValidationSettings) -> CheckResult:
    """Enough samples were accepted, and each received one is accounted for."""
    report = validated.report
    whole = report.accepted + report.quarantined == report.received
    words = f"{report.accepted:,} of {report.received:,} received samples accepted, {report.quarantined:,} quarantined"
    counts = {"received": report.received, "accepted": report.accepted, "quarantined": report.quarantined}
    passed = whole and report.accepted >= settings.minimum_rows
    return CheckResult("row_count", passed, True, words, {**counts, "minimum": settings.minimum_rows})


def check_required_columns(validated: Validated, settings: ValidationSettings) -> CheckResult:
    """Every column of the contract is there, and the required measures hold values wherever anything is on."""
    frame = validated.clean
    wrong = [name for name, dtype in CLEAN_SCHEMA.items() if frame.schema.get(name) != dtype]
    on = frame.filter(pl.col("state") == "on")
    missing = [] if wrong else [m for m in settings.required_measures if on.height and on[m].null_count() == on.height]
    names = ", ".join(wrong + missing)
    if names:
        words = f"no usable values in {names}"
    elif frame.is_empty():
        words = "nothing to judge: the partition is empty"
    else:
        words = "all columns of the contract are there"
    return CheckResult("required_columns", not names and not frame.is_empty(), True, words, {"missing": names})


def check_nulls(validated: Validated, settings: ValidationSettings) -> CheckResult:
    """Under 5 % of the expected values are null, and of those of each required measure.

    Expected is, in every slot in which a workload ran, each measure that this workload reports at all: a batch job
    owes no request rate because the API beside it has one. That a required measure is there at all is the business of
    `required_columns`. Slots without a sample count in `completeness`: an outage is no reason to stop.
    """
    on = validated.clean.filter(pl.col("state") == "on")
    if on.is_empty():
        everything_off = validated.report.off_slots > 0
        words = "every workload is switched off" if everything_off else "nothing to judge: no sample was accepted"
        return CheckResult("nulls", everything_off, True, words, {"expected": 0})
    tally = _null_tally(on)
    expected, nulls = int(tally["expected"].sum()), int(tally["nulls"].sum())
    worst = tally.sort("nulls", descending=True).row(0, named=True)
    share = nulls / expected
    required = tally.filter(pl.col("measure").is_in(settings.required_measures))
    required_share = float((required["nulls"] / required["expected"]).max() or 0.0)  # type: ignore[arg-type]
    words = f"{share:.2%} of expected values are null, most in {worst['measure']} ({worst['nulls']:,})"
    passed = max(share, required_share) < settings.maximum_null_share
    counts = {"null_share": share, "limit": settings.maximum_null_share, "expected": expected}
    return CheckResult("nulls", passed, True, words, {**counts, "worst_column": worst["measure"]})


def _null_tally(on: pl.DataFrame) -> pl.DataFrame:
    """Return expected and missing values per measure; peaks and capacities are by nature known in some slots only."""
    optional = {*CAPACITIES, "cpu_usage_peak_cores"}
    owed = [name for name in MEASURES if name not in optional]
    per_workload = on.group_by("workload_id").agg(pl.len().alias("slots"), pl.col(owed).null_count())
    long = per_workload.unpivot(owed, index=["workload_id", "slots"], variable_name="measure", value_name="nulls")
    reported = long.filter(pl.col("nulls") < pl.col("slots"))
    sums = [pl.col("slots").sum().alias("expected"), pl.col("nulls").sum()]
    return reported.group_by("measure").agg(sums).sort("measure")


def check_ranges(validated: Validated, settings: ValidationSettings) -> CheckResult:
    """Few received rows lie outside the ranges that can be true."""
    return _share_check("ranges", "out of range", RANGE_REASONS, settings.maximum_out_of_range_share, validated)


def check_duplicates(validated: Validated, settings: ValidationSettings) -> CheckResult:
    """No (workload, slot) appears twice in the grid, and few received rows repeat another."""
    result = _share_check("duplicates", "duplicates", DUPLICATE_REASONS, settings.maximum_duplicate_share, validated)
    twice = int(validated.clean.select(pl.struct("workload_id", "timestamp").is_duplicated().sum()).item())
    if not twice:
        return result
    words = f"{twice} grid rows share a workload and a timestamp"
    return CheckResult("duplicates", False, True, words, {**result.metadata, "grid_duplicates": twice})


def _share_check(name: str, noun: str, reasons: tuple[str, ...], limit: float, validated: Validated) -> CheckResult:
    report = validated.report
    if not report.received:
        return CheckResult(name, False, True, "nothing to judge: no sample was received", {"received": 0})
    counts = {reason: report.reasons[reason] for reason in reasons if reason in report.reasons}
    share = sum(counts.values()) / report.received
    words = f"{share:.2%} of the received samples are {noun}"
    return CheckResult(name, share <= limit, True, words, {"share": share, "limit": limit, **counts})


def check_monotonic_time(validated: Validated, start: datetime, end: datetime) -> CheckResult:
    """Time increases within each workload, in whole grid steps, inside the partition."""
    frame, step = validated.clean, validated.report.step
    time = pl.col("timestamp")
    backwards = (time.diff().over("workload_id") <= pl.duration(seconds=0)).sum()
    off_grid = (time.dt.truncate(step) != time).sum()
    outside = (~time.is_between(pl.lit(start).dt.truncate(step), pl.lit(end), closed="left")).sum()
    counts = frame.select(backwards=backwards, off_grid=off_grid, outside=outside).row(0, named=True)
    passed = not any(counts.values()) and not frame.is_empty()
    words = ", ".join(f"{count} slots {name.replace('_', ' ')}" for name, count in counts.items() if count)
    empty = "nothing to judge: the partition is empty" if frame.is_empty() else "time is in order and on the grid"
    return CheckResult("monotonic_time", passed, True, words or empty, {**counts, "slots": frame.height})


def check_freshness(validated: Validated, end: datetime, settings: ValidationSettings, now: datetime) -> CheckResult:
    """The newest sample is recent, seen from the partition's end or from now, whichever is earlier."""
    newest = validated.clean.filter(pl.col("state") != "gap")["timestamp"].max()
    if not isinstance(newest, datetime):
        return CheckResult("freshness", False, True, "nothing to judge: no sample was accepted")
    age = max(min(end, now) - newest - validated.report.step, settings.freshness_limit * 0)
    words = f"the newest sample is {age} old"
    hours = {"age_hours": age.total_seconds() / 3600, "limit_hours": settings.freshness_limit.total_seconds() / 3600}
    passed = age <= settings.freshness_limit
    return CheckResult("freshness", passed, True, words, {**hours, "newest": newest.isoformat()})


def check_completeness(validated: Validated, settings: ValidationSettings) -> CheckResult:
    """Few slots of the grid are gaps. A warning: models know gaps, and an outage must not stop decisions."""
    report = validated.report
    slots = report.on_slots + report.off_slots + report.gap_slots
    share = report.gap_slots / slots if slots else 1.0
    words = f"{share:.2%} of the grid slots hold no sample" if slots else "nothing to judge: no sample was accepted"
    metadata = {"gap_share": share, "limit": settings.maximum_gap_share, "slots": slots, "gaps": report.gap_slots}
    return CheckResult("completeness", share <= settings.maximum_gap_share, False, words, metadata)
