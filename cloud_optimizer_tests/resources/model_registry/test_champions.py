"""There is one champion, whatever promotes at once, dies in between or is backfilled."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.forecasting.contract import ForecastSettings
from cloud_optimizer.core.forecasting.naive import FittedNaive
from cloud_optimizer.resources.model_registry import (
    LoggedModel,
    ModelRegistry,
    RegisteredVersion,
    RunKey,
    registered_name,
)
from cloud_optimizer.resources.model_registry.records import desired_aliases

FITTED = FittedNaive("seasonal_naive", ForecastSettings(targets=("cpu_mean",)))
MODULE = "cloud_optimizer_tests.resources.model_registry.promoting"


def _logged(registry: ModelRegistry, cluster: str, day: int) -> LoggedModel:
    key = RunKey("seasonal_naive_model", cluster, date(2024, 1, day), f"run-{day}")
    return registry.log_fitted(registry.open_run(key), FITTED, data_version="v1")


def _aliases(registry: ModelRegistry, cluster: str) -> dict[str, str]:
    """Alias to model id, checked to be one model each."""
    versions = registry.versions(cluster, "cpu")
    pairs = [(alias, item.model_id) for item in versions for alias in item.aliases]
    assert len(pairs) == len(dict(pairs)), "an alias points to two versions"
    return dict(pairs)


def _version(number: int, model_id: str, day: int) -> RegisteredVersion:
    return RegisteredVersion("n", number, model_id, "r", "f", date(2024, 1, day), "d", ())


def test_the_first_promotion_makes_a_champion_without_a_previous_one(registry: ModelRegistry) -> None:
    model = _logged(registry, "first", 1)
    version = registry.promote("first", "cpu", model, date(2024, 1, 1))
    assert (version.version, version.model_id, version.aliases) == (1, model.model_id, ("champion",))


def test_the_next_promotion_moves_the_old_champion_to_previous(registry: ModelRegistry) -> None:
    old, new = _logged(registry, "next", 1), _logged(registry, "next", 2)
    registry.promote("next", "cpu", old, date(2024, 1, 1))
    registry.promote("next", "cpu", new, date(2024, 1, 2))
    assert _aliases(registry, "next") == {"champion": new.model_id, "previous": old.model_id}


def test_promoting_twice_changes_nothing(registry: ModelRegistry) -> None:
    model = _logged(registry, "twice", 1)
    first = registry.promote("twice", "cpu", model, date(2024, 1, 1))
    assert registry.promote("twice", "cpu", model, date(2024, 1, 1)) == first
    assert len(registry.versions("twice", "cpu")) == 1


def test_a_backfilled_day_registers_its_model_and_leaves_todays_champion(registry: ModelRegistry) -> None:
    today, old = _logged(registry, "backfill", 9), _logged(registry, "backfill", 5)
    registry.promote("backfill", "cpu", today, date(2024, 1, 9))
    registry.promote("backfill", "cpu", old, date(2024, 1, 5))
    assert _aliases(registry, "backfill") == {"champion": today.model_id, "previous": old.model_id}
    as_of_day_9 = registry.champion("backfill", "cpu", before=date(2024, 1, 9))
    assert as_of_day_9 is not None
    assert as_of_day_9.model_id == old.model_id
    assert registry.champion("backfill", "cpu", before=date(2024, 1, 5)) is None


def test_a_day_that_is_run_again_replaces_its_own_champion_and_keeps_the_previous_day(registry: ModelRegistry) -> None:
    old, first, again = (_logged(registry, "again", day) for day in (1, 2, 3))
    registry.promote("again", "cpu", old, date(2024, 1, 1))
    registry.promote("again", "cpu", first, date(2024, 1, 2))
    registry.promote("again", "cpu", again, date(2024, 1, 2))
    assert _aliases(registry, "again") == {"champion": again.model_id, "previous": old.model_id}


def test_a_withdrawn_promotion_gives_the_place_back_and_may_return(registry: ModelRegistry) -> None:
    old, new = _logged(registry, "back", 1), _logged(registry, "back", 2)
    registry.withdraw("back", "cpu", date(2024, 1, 1))  # nothing there yet
    registry.promote("back", "cpu", old, date(2024, 1, 1))
    registry.promote("back", "cpu", new, date(2024, 1, 2))
    registry.withdraw("back", "cpu", date(2024, 1, 2))
    assert _aliases(registry, "back") == {"champion": old.model_id}
    registry.withdraw("back", "cpu", date(2024, 1, 1))
    assert _aliases(registry, "back") == {}
    registry.promote("back", "cpu", new, date(2024, 1, 2))
    assert _aliases(registry, "back") == {"champion": new.model_id}
    assert len(registry.versions("back", "cpu")) == 2


def test_resources_and_clusters_have_champions_of_their_own(registry: ModelRegistry) -> None:
    model = _logged(registry, "own", 1)
    registry.promote("own", "cpu", model, date(2024, 1, 1))
    assert registry.champion("own", "memory") is None
    assert registry.champion("another", "cpu") is None


@pytest.mark.parametrize("cluster", ["prod/eu", "a:b", "it's", "  ", "naïve ✓", "..", "x" * 300])
def test_a_cluster_may_have_any_name(registry: ModelRegistry, cluster: str) -> None:
    model = _logged(registry, cluster, 1)
    registry.promote(cluster, "cpu", model, date(2024, 1, 1))
    champion = registry.champion(cluster, "cpu")
    assert champion is not None
    assert champion.model_id == model.model_id


def test_names_that_look_alike_after_cleaning_stay_apart() -> None:
    assert registered_name("prod-eu", "cpu") == "prod-eu.cpu"
    assert registered_name("prod/eu", "cpu") == "prod-eu-7394b101.cpu"
    assert registered_name("prod:eu", "cpu") != registered_name("prod/eu", "cpu")


def test_a_registered_version_loads_and_a_missing_one_is_named(registry: ModelRegistry) -> None:
    version = registry.promote("loading", "cpu", _logged(registry, "loading", 1), date(2024, 1, 1))
    assert registry.load(version.name, version.version).name == "seasonal_naive"
    with pytest.raises(InputError, match=r"holds no version 7 of loading\.cpu"):
        registry.load(version.name, 7)


def test_promotions_at_once_leave_exactly_one_champion(registry: ModelRegistry) -> None:
    models = [_logged(registry, "race", day) for day in range(1, 7)]
    registry.promote("race", "cpu", models[0], date(2024, 1, 1))

    def promote(position: int) -> None:
        own = ModelRegistry(registry.tracking_uri, registry.artifact_root)
        own.promote("race", "cpu", models[position], date(2024, 1, position + 1))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(promote, [3, 4, 5, 5, 4, 3]))
    assert _aliases(registry, "race") == {"champion": models[5].model_id, "previous": models[4].model_id}


def test_kill_9_between_registering_and_setting_the_alias_converges_on_rerun(registry: ModelRegistry) -> None:
    old, new = _logged(registry, "killed", 1), _logged(registry, "killed", 2)
    registry.promote("killed", "cpu", old, date(2024, 1, 1))
    artifacts = str(Path(registry.artifact_root.removeprefix("file://")))
    command = [sys.executable, "-m", MODULE, registry.tracking_uri, artifacts]
    command += ["killed", "2024-01-02", new.model_id, new.run_id]
    killed = subprocess.run([*command, "kill"], check=False, capture_output=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(registry.versions("killed", "cpu")) == 2  # registered
    assert _aliases(registry, "killed") == {"champion": old.model_id}  # and the old champion still serves
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert len(registry.versions("killed", "cpu")) == 2
    assert _aliases(registry, "killed") == {"champion": new.model_id, "previous": old.model_id}


def test_a_model_registered_twice_counts_once() -> None:
    versions = [_version(1, "a", 1), _version(2, "b", 2), _version(3, "b", 2)]
    wanted = desired_aliases(versions)
    assert (wanted["champion"].version, wanted["previous"].version) == (2, 1)
