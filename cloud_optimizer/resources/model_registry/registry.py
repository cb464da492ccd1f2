"""Runs, models and champions in MLflow. MLflow is imported when it is first used: it costs seconds."""

import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import polars as pl

from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import FittedForecaster
from cloud_optimizer.core.forecasting.families import load_fitted
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.peak_risk import FittedPeakRisk, load_peak_risk
from cloud_optimizer.resources.disk_room import room_expected
from cloud_optimizer.resources.model_registry import champions, figures
from cloud_optimizer.resources.model_registry.connection import SERVED, connect
from cloud_optimizer.resources.model_registry.native_model import DATA_FOLDER, Savable, write_model
from cloud_optimizer.resources.model_registry.records import (
    CHAMPION,
    TAG_PREFIX,
    LoggedModel,
    RegisteredVersion,
    RunKey,
    desired_aliases,
    registered_name,
)

LONGEST_RUN_NAME: Final = 250  # of MLflow's table
RUN_KEY_TAG: Final = TAG_PREFIX + "run_key"


class ModelRegistry:
    """Everything the platform keeps in MLflow.

    Args:
        tracking_uri: MLflow's store: `postgresql+psycopg2://...` directly, or `http(s)://...` of a server.
        artifact_root: Folder, or `s3://...`, below which new experiments keep their artifacts. A folder counts for a
            store that is used directly; a server keeps artifacts where it was told to, or at an `s3://...` given here.
    """

    def __init__(self, tracking_uri: str, artifact_root: str | Path) -> None:
        self.tracking_uri = tracking_uri
        self.artifact_root = artifact_root.resolve().as_uri() if isinstance(artifact_root, Path) else artifact_root

    @cached_property
    def client(self) -> Any:
        """The MlflowClient; first use creates MLflow's tables where there are none.

        Raises:
            MlflowUnavailable: The store does not answer.
        """
        return connect(self.tracking_uri)

    def experiment_id(self, name: str) -> str:
        """Return the experiment of this name; a new one keeps its artifacts below `artifact_root`."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self.client.create_experiment(name, artifact_location=self._artifact_location(name)))
            except MlflowException:  # another process created it meanwhile
                found = self.client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _artifact_location(self, experiment: str) -> str | None:
        served = self.tracking_uri.startswith(SERVED)
        return None if served and self.artifact_root.startswith("file:") else f"{self.artifact_root}/{experiment}"

    def open_run(self, key: RunKey, parent_run_id: str | None = None) -> str:
        """Return the id of the key's run, created when it is new; the experiment is named after the asset."""
        experiment = self.experiment_id(key.asset)
        found = self.client.search_runs([experiment], f"tags.`{RUN_KEY_TAG}` = '{key.digest}'", max_results=1)
        if found:
            return str(found[0].info.run_id)
        tags = key.tags | {RUN_KEY_TAG: key.digest}
        if parent_run_id is not None:
            tags["mlflow.parentRunId"] = parent_run_id
        name = f"{key.date.isoformat()} {key.cluster}"[:LONGEST_RUN_NAME]
        return str(self.client.create_run(experiment, tags=tags, run_name=name).info.run_id)

    @contextmanager
    def run(self, key: RunKey, parent_run_id: str | None = None) -> Iterator[str]:
        """Open the key's run and end it: FINISHED, or FAILED with the error as a tag when the body raises.

        Raises:
            DiskFull: The body found no room for artifacts.
        """
        run_id = self.open_run(key, parent_run_id)
        try:
            with room_expected(self.artifact_root):
                yield run_id
        except BaseException as error:
            self.client.set_tag(run_id, TAG_PREFIX + "error", f"{type(error).__name__}: {error}"[:5000])
            self.client.set_terminated(run_id, status="FAILED")
            raise
        self.client.set_terminated(run_id, status="FINISHED")

    def log_values(
        self, run_id: str, params: Mapping[str, object], metrics: Mapping[str, float | None], tags: Mapping[str, str]
    ) -> None:
        """Log everything in one call; an unknown metric (None, NaN) is left out."""
        from mlflow.entities import Metric, Param, RunTag

        now = time.time_ns() // 1_000_000
        known = {name: value for name, value in metrics.items() if value is not None and math.isfinite(value)}
        self.client.log_batch(
            run_id,
            metrics=[Metric(name, float(value), now, 0) for name, value in known.items()],
            params=[Param(name, str(value)) for name, value in params.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )

    def log_fitted(
        self,
        run_id: str,
        fitted: Savable,
        *,
        data_version: str,
        params: Mapping[str, object] | None = None,
        metrics: Mapping[str, float | None] | None = None,
        tags: Mapping[str, str] | None = None,
        example: Panel | None = None,
    ) -> LoggedModel:
        """Log a fitted model with all that belongs to it.

        Args:
            run_id: From `open_run` or `run`.
            fitted: A model that saves itself in native formats; curves and importance are plotted where it has them.
            data_version: Version of the data it was fitted on.
            params: Settings and hyper-parameters.
            metrics: Name to value; unknown ones are left out.
            tags: Further tags of the run.
            example: A small panel before an origin: input example, and the signature follows its columns.

        Returns:
            The logged model; it is registered only when it is promoted.
        """
        tags = {TAG_PREFIX + "data_version": data_version, TAG_PREFIX + "family": fitted.name, **(tags or {})}
        self.log_values(run_id, params or {}, metrics or {}, tags)
        self._log_figures(run_id, fitted)
        experiment = self.client.get_run(run_id).info.experiment_id
        model = self.client.create_logged_model(experiment, name=fitted.name, source_run_id=run_id, tags=tags)
        try:
            with tempfile.TemporaryDirectory() as folder:
                write_model(Path(folder), fitted, example, model.model_id, run_id)
                self.client.log_model_artifacts(model.model_id, str(Path(folder, "model")))
        except BaseException:
            self.client.finalize_logged_model(model.model_id, "FAILED")
            raise
        self.client.finalize_logged_model(model.model_id, "READY")
        return LoggedModel(run_id, str(model.model_id), fitted.name, data_version)

    def log_table(self, run_id: str, table: pl.DataFrame, file: str) -> None:
        """Log a small table as the JSON that MLflow shows; an empty one is left out."""
        if not table.is_empty():
            self.client.log_table(run_id, table.to_dict(as_series=False), file)

    def _log_figures(self, run_id: str, fitted: Savable) -> None:
        if isinstance(fitted, figures.HasTrainingCurve) and (curves := fitted.training_curve()):
            self.client.log_figure(run_id, figures.training_curve_figure(curves), "training_curve.png")
        if isinstance(fitted, figures.HasFeatureImportance) and (importance := fitted.feature_importance()):
            self.client.log_figure(run_id, figures.feature_importance_figure(importance), "feature_importance.png")
        if isinstance(fitted, figures.HasReliability):
            for target, diagram in fitted.diagrams.items():
                self.client.log_figure(run_id, figures.reliability_figure(diagram), f"reliability_{target}.png")

    def model_folder(self, model_id: str) -> Path:
        """Return a local folder with what the model's `save` wrote; remote artifacts are downloaded."""
        return self.download(f"{self.client.get_logged_model(model_id).artifact_location}/{DATA_FOLDER}")

    def download(self, location: str) -> Path:
        """Return a local folder with the artifacts at an address; those on this machine stay where they are."""
        from mlflow.artifacts import download_artifacts

        return Path(download_artifacts(artifact_uri=location, tracking_uri=self.tracking_uri))

    def logged(self, model_id: str) -> LoggedModel:
        """Return what is known of a logged model, such as a candidate that is to be promoted."""
        found = self.client.get_logged_model(model_id)
        return LoggedModel(
            found.source_run_id, model_id, found.tags[TAG_PREFIX + "family"], found.tags[TAG_PREFIX + "data_version"]
        )

    def load_logged(self, model_id: str) -> FittedForecaster:
        """Read a logged forecaster, registered or not."""
        return load_fitted(self.model_folder(model_id))

    def load_peak_risk(self, model_id: str) -> FittedPeakRisk:
        """Read a logged peak-risk model."""
        return load_peak_risk(self.model_folder(model_id))

    def load(self, name: str, version: int | str) -> FittedForecaster:
        """Read a registered forecaster, such as the champion of an old day.

        Raises:
            InputError: There is no such version.
        """
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_model_version(name, str(version))
        except MlflowException as error:
            raise InputError(f"The model registry holds no version {version} of {name}.") from error
        return self.load_logged(found.tags[champions.MODEL_ID_TAG])

    def versions(self, cluster: str, resource: Resource) -> list[RegisteredVersion]:
        """List the champions a cluster's resource ever had, the newest version first."""
        return champions.versions(self.client, registered_name(cluster, resource))

    def champion(self, cluster: str, resource: Resource, before: date | None = None) -> RegisteredVersion | None:
        """Return the champion now, or the one that days before `before` had chosen; None where there was none."""
        known = [item for item in self.versions(cluster, resource) if before is None or item.as_of < before]
        return desired_aliases(known).get(CHAMPION)

    def promote(self, cluster: str, resource: Resource, model: LoggedModel, as_of: date) -> RegisteredVersion:
        """Register a model as champion of a cluster's resource as of the end of a day; return its version.

        Idempotent. The aliases follow from what is registered: the newest day's model is `champion`, that of the day
        before it in the list `previous`. So a backfill of an old day does not depose today's champion, and a promotion
        that was killed before the aliases were set, or ran beside another one, is completed by the next.
        """
        name = registered_name(cluster, resource)
        champions.ensure_registered_model(self.client, name, {"cluster": cluster, "resource": resource})
        champions.register(self.client, name, model, as_of)
        champions.settle_aliases(self.client, name)
        mine = [item for item in champions.versions(self.client, name) if item.model_id == model.model_id]
        return min(mine, key=lambda item: item.version)

    def withdraw(self, cluster: str, resource: Resource, as_of: date) -> None:
        """Take back the promotion of a day whose rerun kept the incumbent; nothing happens where there was none."""
        name = registered_name(cluster, resource)
        if champions.versions(self.client, name):
            champions.withdraw(self.client, name, as_of)
            champions.settle_aliases(self.client, name)
