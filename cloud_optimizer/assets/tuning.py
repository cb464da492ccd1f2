"""Tuning: the search for hyper-parameters, apart from trainings, which use what it found and confirmed."""

from datetime import timedelta

from dagster import AssetExecutionContext, MaterializeResult, MetadataValue, ResourceParam, asset

from cloud_optimizer.assets.graph import MODEL_OWNERS, partitioned
from cloud_optimizer.assets.model_factory import training_panel
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import table_head, table_schema
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.tuning.choice import TUNED_SCHEMA
from cloud_optimizer.partitions import slices_of
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.model_registry import ModelRegistry, RunKey
from cloud_optimizer.resources.tuning import Searches
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.resources.warehouse.tuned import TUNED
from cloud_optimizer.settings import Settings

NAME = "tuned_hyperparameters"
SHOWN = ("family", "adopted", "search_loss", "confirmation_loss", "trials", "parameters")


@asset(
    **partitioned("tuning", {"optuna", "mlflow", "postgres"}, MODEL_OWNERS),
    name=NAME,
    deps=["workload_features"],
    metadata={"dagster/column_schema": table_schema(TUNED_SCHEMA)},
    description="Hyper-parameters searched on days before the held-out ones; used only where later days confirm them.",
    pool="training",
)
@waits_for_services
def tuned_hyperparameters(
    context: AssetExecutionContext,
    feature_store: ResourceParam[FeatureStore],
    model_registry: ResourceParam[ModelRegistry],
    searches: ResourceParam[Searches],
    warehouse: ResourceParam[Warehouse],
    settings: ResourceParam[Settings],
) -> MaterializeResult:
    """Search every family as of each day; a partition that was cut off goes on where it was."""
    from cloud_optimizer.resources.tuning.tune import Tuner

    tuner = Tuner(searches, model_registry, settings.tuning, settings.training, settings.forecast)
    for part in slices_of(context):
        for day in part.days:
            panel = training_panel(feature_store, part.cluster, day, settings)
            key = RunKey(NAME, part.cluster, day, context.run.run_id, context.retry_number)
            try:
                frame, notes = tuner.tune(panel, key)
            except InputError as error:  # a young cluster is trained with the defaults
                frame, notes = TUNED_SCHEMA.to_frame(), [f"{part.cluster} is not tuned as of {day}: {error}"]
            warehouse.replace(part.cluster, day, day + timedelta(days=1), {TUNED: frame})
            reasons = [f"{row['family']}: {row['reason']}" for row in frame.to_dicts()] + notes
            facts = {
                "reasons": " ".join(reasons),
                "tunings": table_head(frame.select(SHOWN), rows=20),
                "notes": MetadataValue.json(notes),
            }
            context.add_asset_metadata(facts, partition_key=part.key(day))
    return MaterializeResult()
