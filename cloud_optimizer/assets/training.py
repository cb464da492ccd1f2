"""Training: one asset a model family, all from one factory (assets.model_factory)."""

from collections.abc import Mapping
from contextlib import suppress

import polars as pl

from cloud_optimizer.assets.model_factory import Outcome, Workshop, model_asset
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.blending import FAMILY as BLEND
from cloud_optimizer.core.forecasting.blending import MEMBERS, Blending, blended
from cloud_optimizer.core.forecasting.contract import FittedForecaster
from cloud_optimizer.core.forecasting.direct import FittedDirect
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.training import Trained, data_version, score_fitted, train
from cloud_optimizer.core.tuning.choice import chosen_hyperparameters
from cloud_optimizer.resources.model_registry import LoggedModel, ModelRegistry, RunKey
from cloud_optimizer.resources.model_registry.kept_fits import (
    CALIBRATING,
    EVALUATED,
    EVALUATED_CALIBRATING,
    KEPT,
    load_fit,
    log_fit,
)
from cloud_optimizer.resources.warehouse.tuned import tunings_as_of

FAMILIES = {
    "seasonal_naive": ("The same hour yesterday, with the quantiles of its own past errors.", {"python"}),
    "autotheta": ("A local statistical model per series (AutoTheta).", {"python"}),
    "lightgbm": ("One direct global quantile model of all workloads, gradient boosting.", {"lightgbm", "mlflow"}),
    "xgboost": ("One direct global quantile model of all workloads, gradient boosting.", {"xgboost", "mlflow"}),
    "catboost": ("One direct global quantile model of all workloads, gradient boosting.", {"catboost", "mlflow"}),
    "lstm": ("A recurrent network over the recent hours of every workload.", {"pytorch", "mlflow"}),
    "gru": ("A recurrent network over the recent hours of every workload.", {"pytorch", "mlflow"}),
}


def train_family(family: str, key: RunKey, panel: Panel, workshop: Workshop) -> Outcome:
    """Train a family with its hyper-parameters as of the day and log it."""
    settings = workshop.settings
    chosen = chosen_hyperparameters(family, tunings_as_of(workshop.warehouse, key.cluster, key.date).get(family))
    with workshop.registry.run(key) as run_id:
        trained = train(chosen.forecaster, panel, settings.training, settings.forecast)
        logged = _logged(run_id, trained, panel, workshop, chosen.logged, chosen.tags)
        if family in MEMBERS:
            _keep_fits(run_id, trained, workshop.registry)
    return Outcome(trained, logged, {"hyperparameters": chosen.source})


def train_blend(family: str, key: RunKey, panel: Panel, workshop: Workshop) -> Outcome:  # noqa: ARG001
    """Blend what its members learned as of the day; one that failed, or learned from other data, is left out."""
    settings, registry = workshop.settings, workshop.registry
    members = _members(key, data_version(panel), workshop)
    with registry.run(key) as run_id:
        kept = _kept_fits(members, registry)
        fits = {folder: {name: kept[name][folder] for name in kept} for folder in KEPT}
        fitted = blended(
            {name: registry.load_logged(members[name].model_id) for name in kept}, fits[CALIBRATING], panel
        )
        blending = Blending(fits[EVALUATED], fits[EVALUATED_CALIBRATING])
        trained = score_fitted(fitted, blending, panel, settings.training, settings.forecast)
        params = {f"member.{name}": members[name].model_id for name in kept}
        logged = _logged(run_id, trained, panel, workshop, params, {})
    return Outcome(trained, logged, {"members": ", ".join(kept)})


def _members(key: RunKey, version: str, workshop: Workshop) -> dict[str, LoggedModel]:
    """Return the models of the day that were trained on the same data."""
    losses = workshop.evaluations.read(key.cluster, key.date).filter(pl.col("model").is_in(MEMBERS))
    found = losses.select("model", "model_version").unique().sort("model").iter_rows()
    models = {family: workshop.registry.logged(model_id) for family, model_id in found}
    return {family: model for family, model in models.items() if model.data_version == version}


def _keep_fits(run_id: str, trained: Trained, registry: ModelRegistry) -> None:
    """Keep what a blend needs of a member beside its model."""
    fitted, evaluated = trained.fitted, trained.evaluated
    assert isinstance(fitted, FittedDirect)  # as every member is
    assert isinstance(evaluated, FittedDirect)
    log_fit(registry, run_id, evaluated, EVALUATED)
    log_fit(registry, run_id, evaluated.before_calibration, EVALUATED_CALIBRATING)
    log_fit(registry, run_id, fitted.before_calibration, CALIBRATING)


def _kept_fits(
    members: Mapping[str, LoggedModel], registry: ModelRegistry
) -> dict[str, Mapping[str, FittedForecaster]]:
    """Return the fits of the members that have all of them, by folder."""
    found = {}
    for family, model in members.items():
        with suppress(InputError):  # its training was killed before they were kept
            found[family] = {folder: load_fit(registry, model, folder) for folder in KEPT}
    return found


def _logged(
    run_id: str,
    trained: Trained,
    panel: Panel,
    workshop: Workshop,
    params: Mapping[str, str],
    tags: Mapping[str, str],
) -> LoggedModel:
    settings = workshop.settings
    return workshop.registry.log_fitted(
        run_id,
        trained.fitted,
        data_version=data_version(panel),
        params={**settings.forecast.model_dump(), **settings.training.model_dump(), **params},
        metrics=trained.metrics,
        tags=tags,
        example=panel.rows(range(min(3, len(panel.workload_ids)))),
    )


MODEL_ASSETS = [
    *(model_asset(name, *FAMILIES[name], train_family, ["tuned_hyperparameters"]) for name in FAMILIES),
    model_asset(
        BLEND,
        "The mean of the quantiles that the boosted families learned; it loads them and is calibrated.",
        {"lightgbm", "xgboost", "catboost"},
        train_blend,
        [f"{name}_model" for name in MEMBERS],
    ),
]
