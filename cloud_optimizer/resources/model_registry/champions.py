"""Registered models: one a cluster and resource, whose versions are its champions and whose aliases tell them apart."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.model_registry.records import (
    CHAMPION,
    PREVIOUS,
    LoggedModel,
    RegisteredVersion,
    desired_aliases,
)

ATTEMPTS: Final = 20
MODEL_ID_TAG: Final = "model_id"
WITHDRAWN_TAG: Final = "withdrawn"


def ensure_registered_model(client: Any, name: str, tags: dict[str, str]) -> None:
    """Create the registered model unless it is there."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, tags=tags, description=f"Champions of {tags}.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def versions(client: Any, name: str) -> list[RegisteredVersion]:
    """List all versions, the newest first."""
    found: list[Any] = []
    token = None
    while True:
        page = client.search_model_versions(f"name = '{name}'", max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            break
    aliases = client.get_registered_model(name).aliases if found else {}  # the search leaves aliases out
    known = [registered(item, [alias for alias, number in aliases.items() if number == item.version]) for item in found]
    return sorted(known, key=lambda item: item.version, reverse=True)


def register(client: Any, name: str, model: LoggedModel, as_of: date) -> None:
    """Add a version for the model unless it has one; one that was withdrawn counts again."""
    known = [item for item in versions(client, name) if item.model_id == model.model_id]
    for item in known:
        if item.withdrawn:
            client.delete_model_version_tag(name, str(item.version), WITHDRAWN_TAG)
    if known:
        return
    tags = {
        MODEL_ID_TAG: model.model_id,
        "family": model.family,
        "as_of": as_of.isoformat(),
        "data_version": model.data_version,
    }
    # the artifact's own address: `models:/m-...` would be looked up in MLflow's global store, not in this client's
    source = client.get_logged_model(model.model_id).artifact_location
    client.create_model_version(name, source, run_id=model.run_id, model_id=model.model_id, tags=tags)


def withdraw(client: Any, name: str, as_of: date) -> None:
    """Mark the versions of a day as withdrawn; they stay readable."""
    for item in versions(client, name):
        if item.as_of == as_of and not item.withdrawn:
            client.set_model_version_tag(name, str(item.version), WITHDRAWN_TAG, "true")


def settle_aliases(client: Any, name: str) -> None:
    """Set the aliases until reading them back shows no difference, so that the last of several writers is right.

    Raises:
        CloudOptimizerError: Others keep setting them otherwise.
    """
    for _ in range(ATTEMPTS):
        known = versions(client, name)
        wanted = desired_aliases(known)
        wrong = {alias: item for alias, item in wanted.items() if alias not in item.aliases}
        left = {alias for item in known for alias in item.aliases if alias in (CHAMPION, PREVIOUS)} - wanted.keys()
        if not wrong and not left:
            return
        for alias, item in wrong.items():
            client.set_registered_model_alias(name, alias, str(item.version))
        for alias in left:
            client.delete_registered_model_alias(name, alias)
    raise CloudOptimizerError(f"The aliases of {name} in the model registry keep changing: promote again.")


def registered(version: Any, aliases: Iterable[str]) -> RegisteredVersion:
    """Read MLflow's version entity; its own aliases are not filled in by every call."""
    tags = version.tags
    return RegisteredVersion(
        name=version.name,
        version=int(version.version),
        model_id=tags[MODEL_ID_TAG],
        run_id=version.run_id,
        family=tags["family"],
        as_of=date.fromisoformat(tags["as_of"]),
        data_version=tags["data_version"],
        aliases=tuple(sorted(aliases)),
        withdrawn=WITHDRAWN_TAG in tags,
    )
