"""Bounded tries: Dagster compares the run keys of a schedule within one tick, here they are compared with all runs."""

from collections.abc import Sequence

from dagster import DagsterInstance, DagsterRunStatus, RunRequest, RunsFilter, SkipReason
from dagster._core.storage.tags import RUN_KEY_TAG

HOURS_A_TRY = 8  # three tries a day

# what a killed daemon recorded and did not launch is asked for again: Dagster then launches that run
MADE = [status for status in DagsterRunStatus if status is not DagsterRunStatus.NOT_STARTED]


def new_tries(instance: DagsterInstance, requests: Sequence[RunRequest]) -> Sequence[RunRequest | SkipReason]:
    """Return the requests whose run key no run has; a reason where all of them were tried."""
    keys = [str(request.run_key) for request in requests]
    runs = instance.get_runs(RunsFilter(tags={RUN_KEY_TAG: keys}, statuses=MADE))
    made = {run.tags[RUN_KEY_TAG] for run in runs}
    new = [request for request in requests if request.run_key not in made]
    return new or [SkipReason("all that is due was tried already: it is tried again three times a day")]
