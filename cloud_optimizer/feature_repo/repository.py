"""What the `feast` command finds: the definitions over the features of `CLOUD_OPTIMIZER_HOME`, as module attributes."""

from cloud_optimizer.feature_repo.definitions import feature_objects
from cloud_optimizer.settings import load_settings

_OBJECTS = feature_objects(load_settings().home / "features")

cluster, workload = _OBJECTS.entities.values()
workload_features, temporal_features, rolling_features, lag_features, cluster_features = _OBJECTS.views.values()
interaction_features, target_time_features = _OBJECTS.on_demand_views.values()
training_service, inference_service, realtime_service = _OBJECTS.services.values()
