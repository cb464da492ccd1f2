"""The one factory of model assets: what a family adds is how it is trained.

Partition (date, cluster) is the family trained as of the end of that day, on nothing later, so a backfill of these
partitions is a walk-forward evaluation. They are materialized sparsely.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dagster import (
    AssetCheckResult,
    AssetExecutionContext,
    AssetsDefinition,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
)

from cloud_optimizer.assets.checks import SliceCheck, check_results, check_specs
from cloud_optimizer.assets.graph import MODEL_OWNERS, partitioned
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import table_head, table_schema
from cloud_optimizer.core.errors import CloudOptimizerError, ServiceUnavailable
from cloud_optimizer.core.evaluation.records import EVALUATION_SCHEMA, evaluation_frame
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.rollup import PANEL_COLUMNS
from cloud_optimizer.core.training import Trained, observed_part
from cloud_optimizer.partitions import Slice, midnight, slices_of
from cloud_optimizer.resources.evaluations import EvaluationStore
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.model_registry import LoggedModel, ModelRegistry, RunKey
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.settings import Settings

TRAINED = {"trained": False}


@dataclass(frozen=True)
class Workshop:
    """What a training may use beside its panel."""

    evaluations: EvaluationStore
    registry: ModelRegistry
    warehouse: Warehouse
    settings: Settings


@dataclass(frozen=True)
class Outcome:
    """A trained family in MLflow, and what a person should know about it."""

    trained: Trained
    logged: LoggedModel
    facts: Mapping[str, str]


Train = Callable[[str, RunKey, Panel, Workshop], Outcome]
"""Trains a family on a panel; raises CloudOptimizerError where that cannot be done."""


def training_panel(feature_store: FeatureStore, cluster: str, day: date, settings: Settings) -> Panel:
    """Return what a training as of the end of `day` may see."""
    end = midnight(day + timedelta(days=1))
    start = end - timedelta(days=settings.training.history_days)
    return observed_part(feature_store.panel(cluster, start, end, PANEL_COLUMNS))


def model_asset(
    family: str, description: str, kinds: set[str], train_family: Train, deps: Sequence[str]
) -> AssetsDefinition:
    """Build the asset of one family.

    A family that cannot be trained fails its own check and leaves no losses; the others are compared without it.
    """
    name = f"{family}_model"

    @asset(
        **partitioned("training", kinds, MODEL_OWNERS),
        name=name,
        deps=["workload_features", *deps],
        metadata={"dagster/column_schema": table_schema(EVALUATION_SCHEMA)},
        check_specs=check_specs(name, TRAINED, {"trained": "The family could be evaluated and fitted."}),
        description=f"{description} Trained as of the end of the day, with its out-of-time losses.",
        pool="training",
    )
    @waits_for_services
    def trained_model(
        context: AssetExecutionContext,
        feature_store: ResourceParam[FeatureStore],
        evaluations: ResourceParam[EvaluationStore],
        model_registry: ResourceParam[ModelRegistry],
        warehouse: ResourceParam[Warehouse],
        settings: ResourceParam[Settings],
    ) -> Iterator[MaterializeResult | AssetCheckResult]:
        """Evaluate the family out of time, fit it on everything up to the day, log it and keep its losses."""
        workshop = Workshop(evaluations, model_registry, warehouse, settings)
        checks = []
        for part in slices_of(context):
            for day in part.days:
                panel = training_panel(feature_store, part.cluster, day, settings)
                key = RunKey(name, part.cluster, day, context.run.run_id, context.retry_number)
                try:
                    outcome = train_family(family, key, panel, workshop)
                except ServiceUnavailable:
                    raise
                except CloudOptimizerError as error:
                    evaluations.remove(part.cluster, day, family)
                    checks.append(SliceCheck("trained", Slice(part.cluster, day, day), False, str(error)))
                    continue
                losses = evaluation_frame(outcome.trained.result, part.cluster, day, outcome.logged.model_id)
                evaluations.write(part.cluster, day, family, losses)
                checks.append(SliceCheck("trained", Slice(part.cluster, day, day), True, f"trained as of {day}"))
                context.add_asset_metadata(_metadata(outcome), partition_key=part.key(day))
        yield MaterializeResult()
        yield from check_results(name, checks, TRAINED)

    return trained_model


def _metadata(outcome: Outcome) -> dict[str, object]:
    trained, logged = outcome.trained, outcome.logged
    return {
        **outcome.facts,
        "fit_seconds": round(trained.fit_seconds, 2),
        "mlflow_run": logged.run_id,
        "model_id": logged.model_id,
        "out_of_time": table_head(trained.result.summary, rows=8),
        "notes": MetadataValue.md("\n".join(f"- {note}" for note in trained.result.notes) or "none"),
    }
