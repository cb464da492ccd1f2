"""What asks for a retraining: failed drift checks, models that are missing or old, and much new data.

Causes are gathered here from Dagster's history and the warehouse; whether they lead to a run is decided in
core.retraining, and the sensor turns the verdict into a request.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dagster import AssetCheckKey, AssetKey, AssetRecordsFilter, DagsterInstance

from cloud_optimizer.assets.champion import LEARNED_SAMPLES
from cloud_optimizer.assets.monitoring import CHECKS as DRIFT_CHECKS
from cloud_optimizer.automation.check_history import FailedCheck, failed_checks
from cloud_optimizer.core.retraining import Cause, age_cause, first_cause, volume_cause
from cloud_optimizer.partitions import partition_key
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.watch import accepted_samples, latest_trainings
from cloud_optimizer.settings import Settings

CHAMPION = AssetKey("champion_model")
FEATURES = AssetKey("workload_features")

Causes = Mapping[str, Sequence[Cause]]


@dataclass(frozen=True)
class Training:
    """The latest training of a cluster, whether it promoted anything or not.

    Args:
        day: Last day it learned from.
        samples: Accepted samples of its window when it was made; None where that was not recorded.
    """

    day: date
    samples: int | None


def check_causes(instance: DagsterInstance) -> Causes:
    """Return a cause for each failed evaluation of a drift check, by cluster."""
    causes: dict[str, list[Cause]] = defaultdict(list)
    for check in DRIFT_CHECKS:
        for failure in failed_checks(instance, AssetCheckKey(AssetKey("drift_report"), check)):
            words = f"{failure.check} failed for {failure.partition}"
            causes[failure.cluster].append(Cause(identity(failure), failure.at, failure.partition, words))
    return causes


def identity(failure: FailedCheck) -> str:
    """Return what tells one cluster of a failed evaluation from every other: the check, its record, the cluster."""
    return f"{failure.check}:{failure.record_id}:{failure.cluster}"


def data_causes(instance: DagsterInstance, warehouse: Warehouse, settings: Settings, now: datetime) -> Causes:
    """Return what the age of the models and the telemetry since then ask for, by cluster."""
    accepted = accepted_samples(warehouse)
    trained = {row["cluster"]: row["date"] for row in latest_trainings(warehouse).to_dicts()}
    featured = instance.get_materialized_partitions(FEATURES)
    causes = {}
    for (cluster,), rows in accepted.group_by("cluster", maintain_order=True):
        name = str(cluster)
        samples = {day: n for day, n in rows.select("date", "samples").iter_rows() if n > 0 and day < now.date()}
        days = [day for day in samples if str(partition_key(name, day)) in featured]
        training = _training(instance, name, trained[name]) if name in trained else None
        causes[name] = causes_of_cluster(name, samples, max(days), training, settings) if days else []
    return causes


def causes_of_cluster(
    cluster: str, samples: Mapping[date, int], today: date, training: Training | None, settings: Settings
) -> list[Cause]:
    """Decide on one cluster.

    Args:
        cluster: Cluster name.
        samples: Accepted samples of each complete day that has any.
        today: The latest complete day with features.
        training: The latest one, None for never.
        settings: Bounds, and how far back a training looks.
    """
    partition, bounds = str(partition_key(cluster, today)), settings.retraining
    if training is None:
        found = [first_cause(cluster, len(samples), today, partition, bounds)]
    else:
        window_start = training.day - timedelta(days=settings.training.history_days - 1)
        since = sum(n for day, n in samples.items() if day > training.day)
        window = sum(n for day, n in samples.items() if window_start <= day <= training.day)
        learned = window if training.samples is None else training.samples
        late = max(window - learned, 0)  # negative once retention has taken days of the window
        found = [
            age_cause(cluster, training.day, today, partition, bounds),
            volume_cause(cluster, today, partition, since + late, learned, bounds),
        ]
    return [cause for cause in found if cause is not None]


def _training(instance: DagsterInstance, cluster: str, day: date) -> Training:
    key = str(partition_key(cluster, day))
    records = instance.fetch_materializations(AssetRecordsFilter(CHAMPION, asset_partitions=[key]), limit=1).records
    event = records[0].asset_materialization if records else None
    learned = event.metadata.get(LEARNED_SAMPLES) if event else None
    return Training(day, None if learned is None else int(str(learned.value)))
