"""The whole graph for one cluster, from this process: which partitions, in which order, and what is already there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from rich.console import Console

from cloud_optimizer.cli.materialize import Materializer
from cloud_optimizer.cli.serve import dagster_home
from cloud_optimizer.connections import Platform
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.telemetry.catalog import RegisteredSource
from cloud_optimizer.settings import Settings

WALK_FORWARD_DAYS = 7
"""Days between the first training and the newest one: all of them are forecast, decided and monitored."""

MINIMUM_TRAINING_DAYS = 21

INGESTION = ("raw_workload_metrics", "workload_metrics", "quarantined_metrics", "workload_features", "feature_store")
SELECTION = ("peak_risk_model", "model_comparison", "champion_model")
DECISIONS = (
    "demand_forecast",
    "peak_risks",
    "drift_report",
    "scaling_recommendations",
    "cost_report",
    "realised_savings",
    "forecast_accuracy",
)
REPLAY = ("policy_replay",)
FIRST_FAMILIES = ("seasonal_naive_model", "lightgbm_model")
"""Trained at the earlier day, to have a champion from then on; the newest day compares every family."""
SLOW_FAMILIES = ("autotheta_model",)
"""Local models take a minute of processor time a cluster: materialized in the UI or by the retraining job only."""


@dataclass(frozen=True)
class Plan:
    """The partitions of one cluster that `run` materializes.

    Args:
        everything: Every day of telemetry.
        trainings: Days as of which models are trained, ascending.
        decided: Days that are forecast, decided and monitored.
    """

    everything: Slice
    trainings: tuple[Slice, ...]
    decided: Slice

    @classmethod
    def of(cls, source: RegisteredSource) -> "Plan":
        """Train at the end and, where there is history for it, a week earlier; decide from the first training on."""
        first, last = source.first_sample.date(), source.end_sample.date() - timedelta(days=1)
        early = last - timedelta(days=WALK_FORWARD_DAYS)
        days = [early, last] if early - timedelta(days=MINIMUM_TRAINING_DAYS) >= first else [last]
        trainings = tuple(Slice(source.cluster, day, day) for day in days)
        return cls(Slice(source.cluster, first, last), trainings, Slice(source.cluster, days[0], last))


@dataclass(frozen=True)
class Graph:
    """Materializes plans in the order of the lineage; what is there already is left alone."""

    materializer: Materializer
    families: Sequence[str]

    def ingest(self, plan: Plan) -> None:
        """Bring every day of telemetry into the warehouse and the feature store."""
        self.materializer.complete("telemetry to features", INGESTION, plan.everything, together=True)

    def run(self, plan: Plan) -> None:
        """Materialize the whole graph for one cluster: a champion before the days that it decides."""
        self.ingest(plan)
        for training in plan.trainings:
            families = self.families if training == plan.trainings[-1] else FIRST_FAMILIES
            self.materializer.complete(f"training as of {training.last}", (*families, *SELECTION), training)
        self.materializer.complete("forecasts to recommendations", DECISIONS, plan.decided)
        last: date = plan.everything.last
        self.materializer.complete("replay of policies", REPLAY, Slice(plan.everything.cluster, last, last))


@contextmanager
def open_graph(platform: Platform, sources: Sequence[RegisteredSource], console: Console) -> Iterator[Graph]:
    """Open the Dagster instance, add the clusters as partitions and hand out the graph."""
    from cloud_optimizer.assets.training import MODEL_ASSETS
    from cloud_optimizer.definitions import build_defs

    with open_instance(platform.settings) as instance:
        instance.add_dynamic_partitions("cluster", [source.cluster for source in sources])
        job = build_defs(platform.settings).resolve_implicit_global_asset_job_def()
        families = [asset.key.to_user_string() for asset in MODEL_ASSETS]
        quick = [name for name in families if name not in SLOW_FAMILIES]
        yield Graph(Materializer(job, instance, console), quick)


def open_instance(settings: Settings) -> DagsterInstance:
    """Open the instance that the Dagster UI shows, on the state of these settings."""
    folder = dagster_home(settings)
    storage = {"module": "cloud_optimizer.instance", "class": "PlatformStorage", "config": {"home": str(settings.home)}}
    logs = {
        "module": "cloud_optimizer.compute_logs",
        "class": "ForegroundComputeLogManager",
        "config": {"base_dir": str(folder / "storage")},  # where Dagster itself looks for them
    }
    overrides = {"storage": {"custom": storage}, "compute_logs": logs}
    return DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides=overrides))
