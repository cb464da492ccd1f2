"""The decision: did the data, the predictions or the demand of a day drift from what the champion learned from?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import DAY
from cloud_optimizer.core.drift.layout import DayLayout, known_rows
from cloud_optimizer.core.drift.reference import (
    SHIFTED_SHARE,
    WORKLOADS,
    DriftReference,
    Evidence,
    columns_needed,
    shifted_workloads,
)
from cloud_optimizer.core.drift.settings import DriftSettings, Kind
from cloud_optimizer.core.drift.shares import CHI_SQUARED, PSI
from cloud_optimizer.core.drift.usual import KS, RHYTHM, SPREAD
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.records import DRIFT_SCHEMA


@dataclass(frozen=True)
class Finding:
    """One statistic of one column: it drifted where its value exceeds its threshold."""

    column: str
    statistic: str
    value: float
    threshold: float

    @property
    def excess(self) -> float:
        """Value as a multiple of the threshold."""
        return self.value / self.threshold

    @property
    def drifted(self) -> bool:
        """Whether the value exceeds the threshold."""
        return self.value > self.threshold


@dataclass(frozen=True)
class KindVerdict:
    """The decision on one kind.

    Args:
        kind: data, prediction or target.
        judged: False where reference or day hold too little: then nothing is known, neither drift nor its absence.
        drifted: The day differs from the reference.
        reason: Why, in one sentence.
        columns: Drifted columns, furthest beyond their thresholds first.
        workloads: Workloads whose daily means are far off, by name.
    """

    kind: Kind
    judged: bool
    drifted: bool
    reason: str
    columns: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()


@dataclass(frozen=True)
class DriftVerdict:
    """The decision on one day of one cluster.

    Args:
        cluster: Cluster name.
        date: The day judged.
        rows: `DRIFT_SCHEMA`: every statistic with its threshold, within a kind the furthest beyond it first.
            `statistic` is psi (values of the whole cluster), ks (deviations from each workload's usual day),
            ks_spread (their spread within the day), lost_rhythm (share of the weekly rhythm), chi_squared (as
            Cramer's V) or shifted_share (of the workloads).
        kinds: The decision on each kind that was given.
    """

    cluster: str
    date: date
    rows: pl.DataFrame
    kinds: Mapping[Kind, KindVerdict]

    @property
    def drifted(self) -> bool:
        """Whether any kind drifted."""
        return any(verdict.drifted for verdict in self.kinds.values())

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, for each kind that drifted."""
        return tuple(verdict.reason for verdict in self.kinds.values() if verdict.drifted)

    def worst_columns(self, kind: Kind, count: int = 10) -> tuple[str, ...]:
        """Return the columns of a kind that lie furthest beyond, or else nearest to, their thresholds."""
        rows = self.rows.filter(pl.col("kind") == kind, pl.col("column") != WORKLOADS)
        return tuple(rows["column"].unique(maintain_order=True).head(count))


def drift_verdict(
    cluster: str,
    day: date,
    references: Mapping[Kind, DriftReference],
    current: Mapping[Kind, pl.DataFrame],
    settings: DriftSettings | None = None,
) -> DriftVerdict:
    """Decide on one day.

    A day is compared with reference days of its weekday. A statistic drifts when it exceeds both a floor, the smallest
    effect that matters, and what the reference's own days reach among each other. A kind drifts when enough of its
    columns do, when enough workloads shifted, or when the mix of workloads or of another category changed.

    Args:
        cluster: Cluster name.
        day: The day, UTC.
        references: What is usual, by kind.
        current: The day's frame by kind, with the columns of its reference, and the day before, by which the weekly
            rhythm is judged; other rows are left out.
        settings: Thresholds, the same as for the references.

    Raises:
        InputError: A frame lacks a column that its reference watches.
    """
    settings = settings or DriftSettings()
    rows: list[dict[str, object]] = []
    kinds = {}
    for kind, frame in current.items():
        recent = known_rows(frame.filter(pl.col("timestamp").dt.date().is_between(day - DAY, day)))
        today = recent.filter(pl.col("timestamp").dt.date() == day)
        findings, shifted = _findings(references[kind], recent, today, day, settings)
        kinds[kind] = _decide(references[kind], today, findings, shifted, settings)
        rows += [{"cluster": cluster, "date": day, "kind": kind, **_row(finding)} for finding in findings]
    return DriftVerdict(cluster, day, pl.DataFrame(rows, schema=DRIFT_SCHEMA, orient="row"), kinds)


def _row(finding: Finding) -> dict[str, object]:
    names = ("column", "statistic", "value", "threshold", "drifted")
    return {name: getattr(finding, name) for name in names}


def _findings(
    reference: DriftReference, recent: pl.DataFrame, today: pl.DataFrame, day: date, settings: DriftSettings
) -> tuple[list[Finding], tuple[str, ...]]:
    """Measure everything; return findings, furthest beyond their thresholds first, and the shifted workloads."""
    if _too_little(reference, today, settings):
        return [], ()
    if missing := sorted(set(reference.shares) - set(today.columns)):
        raise InputError(f"the {reference.kind} of {day} lack the columns {', '.join(missing)} of their reference")
    layout = DayLayout.on_axes(recent, settings.step, reference.workload_ids, [day - DAY, day])
    values: dict[Evidence, float] = {}
    shifts = []
    for column, usual in reference.workloads.items():
        statistics, shifted = usual.compare(layout.values(column), day.weekday(), settings)
        values |= {(column, name): value for name, value in statistics.items()}
        shifts.append(shifted)
    for column, share in reference.shares.items():
        values[column, share.axis.statistic] = share.compare(today[column], day.weekday())
    need = columns_needed(settings.column_share[reference.kind], len(shifts))
    shifted = shifted_workloads(shifts, need) if shifts else np.zeros(len(reference.workload_ids), np.bool_)
    values[WORKLOADS, SHIFTED_SHARE] = float(shifted.mean())
    known = {key: value for key, value in values.items() if not np.isnan(value) and key in reference.yardsticks}
    measured = [Finding(*key, value, _threshold(reference, key, settings)) for key, value in known.items()]
    # a rhythm so weak that even its complete loss (1) would stay below the threshold says nothing
    findings = [finding for finding in measured if finding.statistic != RHYTHM or finding.threshold < 1]
    names = tuple(name for name, far in zip(reference.workload_ids, shifted, strict=True) if far)
    return sorted(findings, key=lambda finding: -finding.excess), names


def _too_little(reference: DriftReference, today: pl.DataFrame, settings: DriftSettings) -> str | None:
    if len(reference.days) < settings.minimum_reference_days:
        return f"the reference holds {len(reference.days)} days, {settings.minimum_reference_days} are needed"
    if today.height < settings.minimum_observed_share * reference.observations:
        return f"{today.height} rows were observed, about {reference.observations:.0f} are usual"
    return None


def _threshold(reference: DriftReference, key: Evidence, settings: DriftSettings) -> float:
    floors = {
        PSI: settings.psi_floor,
        KS: settings.ks_floor,
        SPREAD: settings.spread_floor,
        RHYTHM: settings.rhythm_floor,
        CHI_SQUARED: settings.category_floor,
        SHIFTED_SHARE: settings.workload_share,
    }
    reach = reference.reach if key[1] in {PSI, KS, SPREAD} else settings.single_deviations
    return max(floors[key[1]], reference.yardsticks[key].value(reach))


def _decide(
    reference: DriftReference,
    today: pl.DataFrame,
    findings: Sequence[Finding],
    shifted: tuple[str, ...],
    settings: DriftSettings,
) -> KindVerdict:
    kind = reference.kind
    if (too_little := _too_little(reference, today, settings)) is not None:
        return KindVerdict(kind, False, False, f"{kind} was not judged: {too_little}")
    beyond = [finding for finding in findings if finding.drifted]
    numbers = tuple(dict.fromkeys(f.column for f in beyond if f.column in reference.workloads))
    mixes = [finding for finding in beyond if finding.statistic in {CHI_SQUARED, SHIFTED_SHARE}]
    need = columns_needed(settings.column_share[kind], len(reference.workloads))
    reasons = [f"{_words(finding)}" for finding in mixes]
    if len(numbers) >= need:
        worst = next(finding for finding in beyond if finding.column == numbers[0])
        reasons.insert(0, f"{len(numbers)} of {len(reference.workloads)} columns drifted, most {_words(worst)}")
    columns = tuple(dict.fromkeys(f.column for f in beyond if f.column != WORKLOADS))
    if not reasons:
        return KindVerdict(kind, True, False, f"{kind} looks as usual", columns, shifted)
    return KindVerdict(kind, True, True, f"{kind} drifted: {'; '.join(reasons)}", columns, shifted)


def _words(finding: Finding) -> str:
    return f"{finding.column} ({finding.statistic} {finding.value:.3g}, threshold {finding.threshold:.3g})"
