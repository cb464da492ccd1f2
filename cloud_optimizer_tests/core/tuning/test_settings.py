"""Settings of the search that contradict each other are refused."""

import pytest
from pydantic import ValidationError

from cloud_optimizer.core.tuning.settings import TuningSettings


@pytest.mark.parametrize(("heartbeat", "grace"), [(10, 20), (1, 2), (600, 1200), (30, 3600)])
def test_a_worker_may_miss_one_heartbeat(heartbeat: int, grace: int) -> None:
    assert TuningSettings(heartbeat_seconds=heartbeat, grace_seconds=grace).grace_seconds == grace


@pytest.mark.parametrize("told", [{"heartbeat_seconds": 60}, {"grace_seconds": 10}, {"grace_seconds": 19}])
def test_a_grace_that_would_fail_trials_of_living_workers_is_refused(told: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match=r"give at least two heartbeats, (120|20) s") as caught:
        TuningSettings(**told)
    assert [error["loc"] for error in caught.value.errors()] == [("grace_seconds",)]
