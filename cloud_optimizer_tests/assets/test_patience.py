"""A step whose server went away is run again; whatever else fails, fails at once."""

from collections.abc import Iterator

import pytest
from dagster import AssetSpec as Spec
from dagster import DagsterInstance, MaterializeResult, asset, materialize, multi_asset

from cloud_optimizer.assets import patience
from cloud_optimizer.assets.patience import waits_for_services
from cloud_optimizer.core.errors import CloudOptimizerError, InputError
from cloud_optimizer.resources.postgres.connection import WarehouseUnavailable
from cloud_optimizer.run_errors import telling_error

AWAY = WarehouseUnavailable("The database server cannot be reached.")


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SECONDS_BETWEEN", 0)


class Troubled:
    """Raises the given errors, one a call, and then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def work(self) -> None:
        self.calls += 1
        if self.errors:
            raise CloudOptimizerError("the step could not be done") from self.errors.pop(0)


def run(troubled: Troubled, generates: bool) -> tuple[bool, str]:
    @asset
    @waits_for_services
    def returning() -> MaterializeResult:
        troubled.work()
        return MaterializeResult()

    @multi_asset(specs=[Spec("yielded")])
    @waits_for_services
    def yielding() -> Iterator[MaterializeResult]:
        troubled.work()
        yield MaterializeResult("yielded")

    chosen = yielding if generates else returning
    with DagsterInstance.ephemeral() as instance:
        result = materialize([chosen], instance=instance, raise_on_error=False)
        failures = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
        return result.success, telling_error(failures[0]).message if failures and failures[0] else ""


@pytest.mark.parametrize("generates", [False, True])
def test_a_step_is_run_again_until_the_server_is_back(generates: bool) -> None:
    troubled = Troubled(AWAY, AWAY)
    assert run(troubled, generates) == (True, "")
    assert troubled.calls == 3


def test_a_server_that_stays_away_fails_the_step_with_its_sentence() -> None:
    troubled = Troubled(*[AWAY] * 9)
    success, words = run(troubled, generates=False)
    assert not success
    assert "the step could not be done" in words
    assert troubled.calls == 1 + patience.RETRIES


@pytest.mark.parametrize("error", [InputError("The file is empty."), ValueError("a defect")])
def test_every_other_error_fails_the_step_at_once(error: Exception) -> None:
    troubled = Troubled(error)
    assert not run(troubled, generates=True)[0]
    assert troubled.calls == 1
