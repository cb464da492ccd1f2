"""MLflow behind one narrow class: runs, fitted models in native formats, champions.

Which model deserves to be champion is decided in core.champion; this package only keeps what was decided.
"""

from cloud_optimizer.resources.model_registry.connection import MlflowUnavailable
from cloud_optimizer.resources.model_registry.records import LoggedModel, RegisteredVersion, RunKey, registered_name
from cloud_optimizer.resources.model_registry.registry import ModelRegistry

__all__ = ["LoggedModel", "MlflowUnavailable", "ModelRegistry", "RegisteredVersion", "RunKey", "registered_name"]
