"""What the registry is asked with and answers: keys of runs, logged models, registered versions, their names."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from cloud_optimizer.core.contracts import Resource

CHAMPION: Final = "champion"
PREVIOUS: Final = "previous"

TAG_PREFIX: Final = "cloud_optimizer."
DAGSTER_MLFLOW_TAG: Final = "dagster_run_id"  # dagster-mlflow finds a run of this Dagster run by it
LONGEST_SLUG: Final = 80


@dataclass(frozen=True)
class RunKey:
    """Identity of one MLflow run: one attempt of one asset on one partition.

    Args:
        asset: Asset key, such as `lightgbm_model`.
        cluster: Any text.
        date: Partition day.
        dagster_run_id: Dagster run, or any id that tells two materializations apart.
        retry: Number of the attempt, 0 for the first.
    """

    asset: str
    cluster: str
    date: date
    dagster_run_id: str
    retry: int = 0

    @property
    def tags(self) -> dict[str, str]:
        """Tags of the run; they find it again."""
        fields = {
            "asset": self.asset,
            "cluster": self.cluster,
            "date": self.date.isoformat(),
            "dagster_run_id": self.dagster_run_id,
            "retry": str(self.retry),
        }
        return {TAG_PREFIX + name: value for name, value in fields.items()} | {DAGSTER_MLFLOW_TAG: self.dagster_run_id}

    @property
    def digest(self) -> str:
        """The tags as one short value: quotes and lengths of a cluster's name cannot break a search."""
        return hashlib.sha256(repr(sorted(self.tags.items())).encode()).hexdigest()


@dataclass(frozen=True)
class LoggedModel:
    """A fitted model in MLflow, not yet registered.

    Args:
        run_id: MLflow run it was logged in.
        model_id: MLflow's id of the model, `m-...`; `ModelRegistry.load_logged` takes it.
        family: Name of the model family.
        data_version: Version of the data it was fitted on.
    """

    run_id: str
    model_id: str
    family: str
    data_version: str


@dataclass(frozen=True)
class RegisteredVersion:
    """A version of a registered model: a model that was promoted once.

    Args:
        name: Registered model, see `registered_name`.
        version: Number within it, from 1.
        model_id: The logged model behind it.
        run_id: MLflow run of that model.
        family: Name of the model family.
        as_of: Day whose end the promotion knew everything up to.
        data_version: Version of the data it was fitted on.
        aliases: Aliases that point to it now.
        withdrawn: A rerun of its day chose otherwise.
    """

    name: str
    version: int
    model_id: str
    run_id: str
    family: str
    as_of: date
    data_version: str
    aliases: tuple[str, ...]
    withdrawn: bool = False


def registered_name(cluster: str, resource: Resource) -> str:
    """Name of the registered model whose versions are the champions of a cluster's resource.

    MLflow refuses `/` and `:` and its searches break on quotes, so other characters than letters, digits, `_.-`
    become `-` and eight hexadecimal digits of the cluster's SHA-256 keep such names apart.
    Example: (`prod-eu`, cpu) gives `prod-eu.cpu`, (`prod/eu`, cpu) gives `prod-eu-7394b101.cpu`.
    """
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", cluster).strip(".")[:LONGEST_SLUG]
    if slug != cluster:
        slug = f"{slug}-{hashlib.sha256(cluster.encode()).hexdigest()[:8]}"
    return f"{slug}.{resource}"


def desired_aliases(versions: Sequence[RegisteredVersion]) -> dict[str, RegisteredVersion]:
    """Tell which versions the aliases belong to: the champions of the newest two days.

    It depends on what is registered only, so promotions in any order, at once or cut off in between end alike. A
    model registered twice (two promotions at once) counts by its first version; of several models of one day (the
    day was run again) the last one counts; a withdrawn version does not count.
    """
    first: dict[str, RegisteredVersion] = {}
    for version in sorted(versions, key=lambda item: item.version):
        first.setdefault(version.model_id, version)
    of_day = {item.as_of: item for item in first.values() if not item.withdrawn}
    newest = [of_day[day] for day in sorted(of_day, reverse=True)]
    return dict(zip((CHAMPION, PREVIOUS), newest, strict=False))
