"""Drift verdicts: quiet on stable telemetry, loud within two days of a real change, silent where nothing is known."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from cloud_optimizer.core.contracts import HOUR
from cloud_optimizer.core.drift import DriftReference, DriftSettings, demand_columns, drift_verdict, fit_reference
from cloud_optimizer.core.drift.days import drift_frames
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.records import DRIFT_SCHEMA
from cloud_optimizer_tests.core.drift import trials
from cloud_optimizer_tests.core.drift.trials import Change, between, days_of, stable_hours

CLUSTERS = [(501, "web-prod"), (501, "batch-prod"), (502, "web-prod")]
REFERENCE_DAYS = 28
JUDGED_DAYS = 60
ALL_DAYS = 21 + REFERENCE_DAYS + JUDGED_DAYS
TRIALS = 20
SETTINGS = DriftSettings()


def same_hour_forecast(hours: pl.DataFrame) -> pl.DataFrame:
    """Return a forecast for the prediction kind: the mean of the same hour one, two and three weeks before."""
    demand = demand_columns(hours)
    weeks = [demand.with_columns(pl.col("timestamp") + timedelta(days=7 * back)) for back in (1, 2, 3)]
    keys = ["cluster", "workload_id", "timestamp"]
    return pl.concat(weeks).group_by(keys).agg(pl.col(trials.COLUMNS).mean()).sort(keys)


def verdicts(seed: int, cluster: str) -> list[tuple[date, bool, tuple[str, ...]]]:
    """Judge 60 days; the champion is retrained every week, as by its schedule."""
    hours = stable_hours(seed, cluster, ALL_DAYS)
    frames = drift_frames(hours, same_hour_forecast(hours))
    days = days_of(hours)[21:]
    results = []
    for trained in range(REFERENCE_DAYS, REFERENCE_DAYS + JUDGED_DAYS, 7):
        window = days[trained - REFERENCE_DAYS], days[trained - 1]
        references = {kind: fit_reference(kind, between(frame, *window), SETTINGS) for kind, frame in frames.items()}
        for day in days[trained : trained + 7]:
            verdict = drift_verdict(cluster, day, references, frames, SETTINGS)
            results.append((day, verdict.drifted, verdict.reasons))
    return results


def test_at_most_five_percent_of_the_partitions_of_stable_telemetry_fail() -> None:
    judged = [result for seed, cluster in CLUSTERS for result in verdicts(seed, cluster)]
    alarms = [(day, reasons) for day, drifted, reasons in judged if drifted]
    assert len(judged) == JUDGED_DAYS * len(CLUSTERS)
    assert len(alarms) <= 0.05 * len(judged), alarms


@pytest.mark.parametrize(
    "change",
    [trials.level_shift, trials.variance_change, trials.lost_rhythm, trials.changed_mix, trials.swapped_mix],
    ids=lambda change: change.__name__,
)
def test_a_change_is_caught_within_two_partitions_in_nine_of_ten_trials(change: Change) -> None:
    random = np.random.default_rng(7)
    caught = []
    for trial in range(TRIALS):
        frame = demand_columns(stable_hours(*CLUSTERS[trial % len(CLUSTERS)], ALL_DAYS))
        days = days_of(frame)
        onset = int(random.integers(REFERENCE_DAYS + 7, len(days) - 1))
        trained = onset - int(random.integers(0, 7))
        window = days[trained - REFERENCE_DAYS], days[trained - 1]
        reference = fit_reference("target", between(frame, *window), SETTINGS)
        changed = change(between(frame, window[0], days[onset + 1]), days[onset], random)
        seen = [judge(reference, changed, days[onset + i]) for i in (0, 1)]
        caught.append(any(seen))
    assert sum(caught) >= 0.9 * TRIALS


def judge(reference: DriftReference, frame: pl.DataFrame, day: date) -> bool:
    return drift_verdict("c", day, {"target": reference}, {"target": frame}, SETTINGS).drifted


@pytest.fixture(scope="module")
def demand() -> pl.DataFrame:
    return demand_columns(stable_hours(*CLUSTERS[0], ALL_DAYS))


@pytest.fixture(scope="module")
def reference(demand: pl.DataFrame) -> DriftReference:
    days = days_of(demand)
    return fit_reference("target", between(demand, days[0], days[27]), SETTINGS)


def test_rows_hold_every_statistic_with_its_threshold(demand: pl.DataFrame, reference: DriftReference) -> None:
    day = days_of(demand)[30]
    verdict = drift_verdict("web-prod", day, {"target": reference}, {"target": demand}, SETTINGS)
    rows = verdict.rows
    assert rows.schema == DRIFT_SCHEMA
    assert set(rows["statistic"]) >= {"psi", "ks", "ks_spread", "chi_squared", "shifted_share"}
    assert set(rows["column"]) == {*trials.COLUMNS, "workload_id", "workloads"}
    assert rows.select((pl.col("drifted") == (pl.col("value") > pl.col("threshold"))).all()).item()
    assert rows["date"].unique().to_list() == [day]
    excess = (rows["value"] / rows["threshold"]).to_list()
    assert excess == sorted(excess, reverse=True)
    assert verdict.worst_columns("target", 2) == tuple(rows["column"].unique(maintain_order=True)[:2])


def test_a_shift_is_explained_by_columns_workloads_and_numbers(demand: pl.DataFrame, reference: DriftReference) -> None:
    day = days_of(demand)[30]
    doubled = demand.with_columns(
        pl.when(trials.row_day >= day).then(pl.col("cpu_mean") * 2).otherwise("cpu_mean").alias("cpu_mean")
    )
    verdict = drift_verdict("web-prod", day, {"target": reference}, {"target": doubled}, SETTINGS)
    kind = verdict.kinds["target"]
    assert kind.columns == ("cpu_mean",)
    assert len(kind.workloads) >= 10
    assert "1 of 4 columns drifted, most cpu_mean (psi " in kind.reason
    assert "workloads (shifted_share " in kind.reason
    assert verdict.reasons == (kind.reason,)


def test_one_workload_that_changes_is_named_and_is_not_drift_of_the_cluster(
    demand: pl.DataFrame, reference: DriftReference
) -> None:
    day = days_of(demand)[30]
    one = (pl.col("workload_id") == "checkout") & (trials.row_day >= day)
    changed = demand.with_columns(
        [pl.when(one).then(pl.col(name) * 1.9).otherwise(name).alias(name) for name in ("cpu_mean", "cpu_peak")]
    )
    kind = drift_verdict("web-prod", day, {"target": reference}, {"target": changed}, SETTINGS).kinds["target"]
    assert kind.workloads == ("checkout",)
    assert not kind.drifted


def test_an_outage_is_missing_data_and_not_drift(demand: pl.DataFrame, reference: DriftReference) -> None:
    day = days_of(demand)[30]
    hour = pl.col("timestamp").dt.hour()
    for lost, judged in ((6, True), (20, False)):
        frame = demand.filter((trials.row_day != day) | (hour >= lost))
        kind = drift_verdict("web-prod", day, {"target": reference}, {"target": frame}, SETTINGS).kinds["target"]
        assert (kind.judged, kind.drifted) == (judged, False), kind.reason


def test_a_day_without_rows_is_not_judged_and_not_fine(reference: DriftReference, demand: pl.DataFrame) -> None:
    verdict = drift_verdict("web-prod", date(2030, 1, 1), {"target": reference}, {"target": demand}, SETTINGS)
    kind = verdict.kinds["target"]
    assert (kind.judged, kind.drifted, verdict.rows.height) == (False, False, 0)
    assert kind.reason == "target was not judged: 0 rows were observed, about 288 are usual"


def test_a_week_of_reference_is_too_little(demand: pl.DataFrame) -> None:
    days = days_of(demand)
    short = fit_reference("target", between(demand, days[0], days[6]), SETTINGS)
    kind = drift_verdict("c", days[7], {"target": short}, {"target": demand}, SETTINGS).kinds["target"]
    assert not kind.judged
    assert "holds 7 days, 8 are needed" in kind.reason


def test_ten_days_of_reference_compare_all_days_and_still_see_a_shift(demand: pl.DataFrame) -> None:
    days = days_of(demand)
    short = fit_reference("target", between(demand, days[0], days[9]), SETTINGS)
    random = np.random.default_rng(0)
    tripled = demand
    for _ in range(5):
        tripled = trials.level_shift(tripled, days[10], random)  # 1.25 ** 5 = 3.05
    assert judge(short, tripled, days[10])
    assert not judge(short, demand, days[10])


def test_a_frame_without_a_watched_column_is_refused_by_name(demand: pl.DataFrame, reference: DriftReference) -> None:
    with pytest.raises(InputError, match="lack the columns cpu_peak"):
        judge(reference, demand.drop("cpu_peak"), days_of(demand)[30])


def test_words_are_compared_as_categories(demand: pl.DataFrame) -> None:
    days = days_of(demand)
    labelled = demand.with_columns(size=pl.when(pl.col("workload_id") < "f").then(pl.lit("S")).otherwise(pl.lit("L")))
    reference = fit_reference("target", between(labelled, days[0], days[27]), SETTINGS)
    assert not judge(reference, labelled, days[30])
    relabelled = labelled.with_columns(
        pl.when(trials.row_day >= days[30]).then(pl.lit("XL")).otherwise("size").alias("size")
    )
    verdict = drift_verdict("c", days[30], {"target": reference}, {"target": relabelled}, SETTINGS)
    assert verdict.kinds["target"].columns == ("size",)
    assert "size (chi_squared 1" in verdict.reasons[0]


def test_constant_columns_drift_when_they_change_and_only_then(demand: pl.DataFrame) -> None:
    days = days_of(demand)
    limits = demand.with_columns(*[pl.lit(4.0).alias(name) for name in trials.COLUMNS])
    reference = fit_reference("target", between(limits, days[0], days[27]), SETTINGS)
    assert not judge(reference, limits, days[30])
    assert judge(reference, limits.with_columns(cpu_mean=4.5), days[30])


def test_a_column_that_falls_silent_is_drift(demand: pl.DataFrame, reference: DriftReference) -> None:
    day = days_of(demand)[30]
    silent = demand.with_columns(pl.when(trials.row_day != day).then("memory_mean").alias("memory_mean"))
    verdict = drift_verdict("c", day, {"target": reference}, {"target": silent}, SETTINGS)
    assert verdict.kinds["target"].columns[0] == "memory_mean"
    assert verdict.drifted


def test_frames_on_another_step_need_that_step_in_the_settings(demand: pl.DataFrame) -> None:
    days = days_of(demand)
    keys = ["cluster", "workload_id"]
    coarse = demand.group_by(*keys, pl.col("timestamp").dt.truncate("6h")).agg(pl.col(trials.COLUMNS).mean())
    settings = DriftSettings(step=6 * HOUR)
    reference = fit_reference("target", between(coarse, days[0], days[27]), settings)
    assert next(iter(reference.workloads.values())).profiles[0].shape == (12, 4)
    assert not drift_verdict("c", days[30], {"target": reference}, {"target": coarse}, settings).drifted
