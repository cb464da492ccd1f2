"""Every Feast object of the platform, made from the registry: no feature is listed here."""

from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any, Final, cast

from feast import Entity, FeatureService, FeatureView, Field, FileSource, RequestSource, ValueType
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.types import Float32, UnixTimestamp

from cloud_optimizer.core.features import on_demand
from cloud_optimizer.core.features.views import INTERACTIONS, SERVICES, STORED_VIEWS, TARGET_TIME, VIEW_OF
from cloud_optimizer.feature_repo import transformations
from cloud_optimizer.resources.feature_store.offline import CLUSTER_FOLDER, FRESHNESS, WORKLOAD_FOLDER

OWNER: Final = "ml-platform"


@dataclass(frozen=True)
class FeatureObjects:
    """What `feast apply` registers."""

    entities: dict[str, Entity]
    views: dict[str, FeatureView]
    on_demand_views: dict[str, OnDemandFeatureView]
    services: dict[str, FeatureService]

    def all(self) -> list[Any]:
        """Return every object, what is referred to before what refers to it."""
        return [
            *self.entities.values(),
            *self.views.values(),
            *self.on_demand_views.values(),
            *self.services.values(),
        ]


def feature_objects(root: Path) -> FeatureObjects:
    """Return the definitions over the Parquet features under `root`."""
    entities = {
        "cluster": Entity(
            name="cluster", join_keys=["cluster"], value_type=ValueType.STRING, description="A set of workloads."
        ),
        "workload": Entity(
            name="workload",
            join_keys=["workload_id"],
            value_type=ValueType.STRING,
            description="The thing that is sized; its id is unique in its cluster only.",
        ),
    }
    sources = {name: _source(name, root / name) for name in (WORKLOAD_FOLDER, CLUSTER_FOLDER)}
    views = {name: _view(name, entities, sources) for name in STORED_VIEWS}
    on_demand_views = {view.name: view for view in (_interaction_view(views), _target_time_view())}
    catalogue: dict[str, FeatureView | OnDemandFeatureView] = {**views, **on_demand_views}
    services = {name: _service(name, features, catalogue) for name, features in SERVICES.items()}
    return FeatureObjects(entities, views, on_demand_views, services)


def _source(name: str, folder: Path) -> FileSource:
    # a folder is read with everything below it, but for names that begin with a dot: files that are being written
    return FileSource(name=name, path=str(folder), timestamp_field="event_timestamp", owner=OWNER)


def _view(name: str, entities: dict[str, Entity], sources: dict[str, FileSource]) -> FeatureView:
    of_cluster = name == "cluster_features"
    return FeatureView(
        name=name,
        entities=[entities["cluster"]] if of_cluster else list(entities.values()),
        ttl=FRESHNESS,
        schema=[_field(spec.name, f"{spec.description} Unit: {spec.unit}.") for spec in STORED_VIEWS[name]],
        source=sources[CLUSTER_FOLDER if of_cluster else WORKLOAD_FOLDER],
        description=f"Stored features of the group {name.removesuffix('_features')}.",
        owner=OWNER,
    )


def _interaction_view(views: dict[str, FeatureView]) -> OnDemandFeatureView:
    needed = {name: [f for f in on_demand.INTERACTION_SOURCES if VIEW_OF[f] == name] for name in views}
    return OnDemandFeatureView(
        name="interaction_features",
        sources=[views[name][features] for name, features in needed.items() if features],
        schema=[_field(spec.name) for spec in INTERACTIONS],
        udf=cast(FunctionType, transformations.interaction_transformation),
        udf_string="cloud_optimizer.feature_repo.transformations.interaction_transformation",
        mode="pandas",
        description="Ratios and products of stored features, computed when they are read; see docs/features.md.",
        owner=OWNER,
    )


def _target_time_view() -> OnDemandFeatureView:
    request = [Field(name=on_demand.TARGET_TIMESTAMP, dtype=UnixTimestamp)]
    return OnDemandFeatureView(
        name="target_time_features",
        sources=[RequestSource(name="forecast_request", schema=request)],
        schema=[_field(name) for name in TARGET_TIME],
        udf=cast(FunctionType, transformations.target_time_transformation),
        udf_string="cloud_optimizer.feature_repo.transformations.target_time_transformation",
        mode="pandas",
        description="Calendar of the forecast interval `target_timestamp`; see docs/features.md.",
        owner=OWNER,
    )


def _field(name: str, description: str = "") -> Field:
    """Return a feature's field; Feast wants those of on-demand views without a description."""
    return Field(name=name, dtype=Float32, description=description)


def _service(
    name: str, features: tuple[str, ...], catalogue: dict[str, FeatureView | OnDemandFeatureView]
) -> FeatureService:
    chosen = {view: [f for f in features if VIEW_OF[f] == view] for view in catalogue}
    return FeatureService(name=name, features=[catalogue[v][f] for v, f in chosen.items() if f], owner=OWNER)
