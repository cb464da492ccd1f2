"""The choice: every model of a day on the same held-out window, and who forecasts from now on."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
from dagster import AssetExecutionContext, MaterializeResult, MetadataValue, ResourceParam, asset

from cloud_optimizer.assets.graph import MODEL_OWNERS, partitioned
from cloud_optimizer.assets.model_factory import training_panel
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.assets.tables import table_head, table_schema
from cloud_optimizer.assets.training import MODEL_ASSETS
from cloud_optimizer.core.champion import Contender, choose_champion
from cloud_optimizer.core.champion.window import INCUMBENT, NAIVE, contenders, expected_wape, targets_of
from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.evaluation.records import EVALUATION_SCHEMA, evaluation_frame, summarize_evaluations
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.records import CHAMPION_SCHEMA
from cloud_optimizer.core.training import Frozen, evaluate, evaluation_settings
from cloud_optimizer.partitions import slices_of
from cloud_optimizer.resources.evaluations import EvaluationStore
from cloud_optimizer.resources.feature_store import FeatureStore
from cloud_optimizer.resources.model_registry import ModelRegistry, RegisteredVersion
from cloud_optimizer.resources.warehouse import CHAMPIONS, Warehouse
from cloud_optimizer.resources.warehouse.watch import accepted_samples
from cloud_optimizer.settings import Settings

LEARNED_SAMPLES = "learned_samples"
"""Metadata of a `champion_model` partition: accepted samples in the window that its candidates learned from."""


@asset(
    **partitioned("champion", {"polars", "mlflow"}, MODEL_OWNERS),
    deps=MODEL_ASSETS,
    metadata={"dagster/column_schema": table_schema(EVALUATION_SCHEMA)},
    description="Every candidate and the champion so far, scored on the same days that none of them had seen.",
)
@waits_for_services
def model_comparison(
    context: AssetExecutionContext,
    feature_store: ResourceParam[FeatureStore],
    evaluations: ResourceParam[EvaluationStore],
    model_registry: ResourceParam[ModelRegistry],
    settings: ResourceParam[Settings],
) -> MaterializeResult:
    """Score the champions so far on the window of the candidates."""
    for part in slices_of(context):
        for day in part.days:
            candidates = evaluations.read(part.cluster, day).filter(~pl.col("model").is_in(INCUMBENT.values()))
            for resource, name in INCUMBENT.items():
                held = model_registry.champion(part.cluster, resource, before=day)
                if held is not None:
                    panel = training_panel(feature_store, part.cluster, day, settings)
                    losses = _incumbent_losses(part.cluster, held, candidates, panel, day, model_registry, settings)
                    own = losses.filter(pl.col("target").is_in(targets_of(resource)))
                    evaluations.write(part.cluster, day, name, own.with_columns(model=pl.lit(name)))
            summary = summarize_evaluations(evaluations.read(part.cluster, day))
            context.add_asset_metadata({"comparison": table_head(summary, rows=60)}, partition_key=part.key(day))
    return MaterializeResult()


@asset(
    **partitioned("champion", {"mlflow", "postgres"}, MODEL_OWNERS),
    deps=[model_comparison],
    metadata={"dagster/column_schema": table_schema(CHAMPION_SCHEMA)},
    description="Who forecasts each resource as of the day, and why; MLflow's aliases champion and previous follow.",
)
@waits_for_services
def champion_model(
    context: AssetExecutionContext,
    evaluations: ResourceParam[EvaluationStore],
    model_registry: ResourceParam[ModelRegistry],
    warehouse: ResourceParam[Warehouse],
    settings: ResourceParam[Settings],
) -> MaterializeResult:
    """Decide each resource, register a promoted model and record the version that forecasts of the day use."""
    for part in slices_of(context):
        for day in part.days:
            losses = evaluations.read(part.cluster, day)
            chosen = [_choose(part.cluster, day, resource, losses, model_registry, settings) for resource in INCUMBENT]
            choices = pl.DataFrame([row for row in chosen if row], schema=CHAMPION_SCHEMA)
            warehouse.replace(part.cluster, day, day + timedelta(days=1), {CHAMPIONS: choices})
            samples = _learned_samples(warehouse, part.cluster, day, settings)
            context.add_asset_metadata({**_words(choices), LEARNED_SAMPLES: samples}, partition_key=part.key(day))
    return MaterializeResult()


def _words(choices: pl.DataFrame) -> dict[str, object]:
    rows = choices.to_dicts()
    reasons = "\n\n".join(f"**{row['resource']}**: {row['reason']}" for row in rows)
    return {
        **{row["resource"]: f"{row['model']} version {row['model_version']}" for row in rows},
        "reason": " ".join(choices["reason"]),
        "reasons": MetadataValue.md(reasons or "nothing was decided"),
    }


def _learned_samples(warehouse: Warehouse, cluster: str, day: date, settings: Settings) -> int:
    start = day - timedelta(days=settings.training.history_days - 1)
    accepted = accepted_samples(warehouse).filter(pl.col("cluster") == cluster, pl.col("date").is_between(start, day))
    return int(accepted["samples"].sum())


def _incumbent_losses(
    cluster: str,
    held: RegisteredVersion,
    candidates: pl.DataFrame,
    panel: Panel,
    day: date,
    registry: ModelRegistry,
    settings: Settings,
) -> pl.DataFrame:
    """Score the champion so far on days it had not seen; no rows where it cannot be used any more.

    One that was trained on part of the window is stood for by its family's evaluation fit, which was not.
    """
    try:
        fitted = registry.load_logged(held.model_id)
    except InputError:  # for good, while a registry that is away raises otherwise; the choice tells why
        return EVALUATION_SCHEMA.to_frame()
    if held.as_of > day - timedelta(days=settings.training.evaluation_days):
        return candidates.filter(pl.col("model") == held.family)
    frame = evaluation_settings(settings.training, settings.forecast)
    result = evaluate(Frozen(held.family, fitted), panel, frame)
    return evaluation_frame(result, cluster, day, held.model_id)


def _incumbent(held: RegisteredVersion, scored: Contender | None, registry: ModelRegistry) -> Contender:
    """Return the champion so far under the name that people know, with the reason where it could not be scored."""
    name = f"{held.family} version {held.version}"
    if scored is not None:
        return replace(scored, name=name)
    try:
        registry.load_logged(held.model_id)
    except InputError as error:
        return Contender(name, losses=None, failure=str(error).rstrip("."))
    return Contender(name, losses=None)


def _choose(
    cluster: str, day: date, resource: Resource, losses: pl.DataFrame, registry: ModelRegistry, settings: Settings
) -> dict[str, object] | None:
    """Return the row of the choice in `CHAMPION_SCHEMA`; None where the resource has neither champion nor candidate."""
    models, demand = contenders(losses, resource, settings.champion)
    held = registry.champion(cluster, resource, before=day)
    scored = models.pop(INCUMBENT[resource], None)
    incumbent = None if held is None else _incumbent(held, scored, registry)
    candidates = [contender for name, contender in models.items() if name not in INCUMBENT.values()]
    verdict = choose_champion(resource, candidates, incumbent, models.get(NAIVE), demand, settings.champion)
    if verdict.promoted and verdict.champion is not None:
        model_id = losses.filter(pl.col("model") == verdict.champion)["model_version"][0]
        held = registry.promote(cluster, resource, registry.logged(model_id), as_of=day)
    else:
        registry.withdraw(cluster, resource, day)  # of an earlier run of this day that decided otherwise
    if held is None:
        return None
    chosen = verdict.champion if verdict.promoted else INCUMBENT[resource]
    return {
        "cluster": cluster,
        "date": day,
        "resource": resource,
        "model": held.family,
        "model_version": str(held.version),
        "trained_until": held.as_of,
        "promoted": verdict.promoted,
        "reason": verdict.reason,
        "score": verdict.score,
        "incumbent_score": verdict.incumbent_score,
        "expected_wape": expected_wape(losses.filter(pl.col("model") == chosen), resource),
        "data_version": held.data_version,
    }
