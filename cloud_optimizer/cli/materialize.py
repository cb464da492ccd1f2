"""Materialize a selection of the graph over a slice, in this process, showing which asset is at work."""

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dagster import (
    AssetKey,
    DagsterEventType,
    DagsterExecutionInterruptedError,
    DagsterInstance,
    ExecuteInProcessResult,
    JobDefinition,
)
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from rich.console import Console

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.instance import STORAGE_LOST, is_storage_lost
from cloud_optimizer.partitions import Slice
from cloud_optimizer.run_errors import telling_error

POLL_SECONDS = 0.3
TRIES = 3
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Materializer:
    """Runs parts of one graph on one instance and says what it does.

    Args:
        graph: Job of all assets.
        instance: Where the runs are recorded.
        console: Where progress is shown.
    """

    graph: JobDefinition
    instance: DagsterInstance
    console: Console

    def complete(self, title: str, assets: Collection[str], part: Slice, together: bool = False) -> None:
        """Materialize those of the assets that lack a partition of the slice, as one run.

        Args:
            title: What this is, for people.
            assets: The selection.
            part: The partitions.
            together: All of them where any lacks one. An asset that failed its blocking check is materialized all
                the same: what follows it must not be made without judging it again.
        """
        what = f"{part.cluster}: {title}"
        missing = self.missing(assets, part)
        wanted = assets if together else missing
        if not missing:
            self.console.print(f"{what}: already there", style="dim", markup=False, highlight=False)
            return
        start = time.monotonic()
        try:
            with self.console.status(what) as status:
                self.run(wanted, part, lambda step: status.update(f"{what}: {step}"))
        except KeyboardInterrupt:
            words = f"{what}: interrupted; what was finished is kept, the same command goes on from there"
            self.console.print(words, markup=False, highlight=False)
            raise
        self.console.print(f"{what}: {time.monotonic() - start:.1f} s", markup=False, highlight=False)

    def missing(self, assets: Collection[str], part: Slice) -> list[str]:
        """Return the assets of the selection that lack a partition of the slice."""
        wanted = {str(part.key(day)) for day in part.days}
        return [name for name in assets if not wanted <= self.instance.get_materialized_partitions(AssetKey(name))]

    def run(self, assets: Collection[str], part: Slice, on_step: Callable[[str], None]) -> str:
        """Materialize the assets over the slice as one run and return its id; a failure names the step and cause.

        Ctrl-C ends the run, which is recorded, and is passed on: Dagster makes a failure of it.
        Where the database of the runs goes away and comes back, the run is made again: assets replace what they made.
        """
        for _ in range(TRIES):
            run_id = str(uuid.uuid4())
            try:
                result = self._execute(run_id, assets, part, on_step)
            except STORAGE_LOST as error:
                if not is_storage_lost(error):
                    raise
                self._abandon(run_id)
                continue
            if _is_interrupted(result):
                raise KeyboardInterrupt
            if not result.success:
                raise CloudOptimizerError(_failure(result, part))
            return run_id
        raise CloudOptimizerError(
            "The database server went away or was too busy again and again while the graph ran: see that it stays up, "
            "then run this again; what was finished is kept."
        )

    def _execute(
        self, run_id: str, assets: Collection[str], part: Slice, on_step: Callable[[str], None]
    ) -> ExecuteInProcessResult:
        tags = {
            ASSET_PARTITION_RANGE_START_TAG: str(part.key(part.first)),
            ASSET_PARTITION_RANGE_END_TAG: str(part.key(part.last)),
        }
        with self._listening(run_id, on_step):
            return self.graph.execute_in_process(
                instance=self.instance,
                run_id=run_id,
                asset_selection=[AssetKey(name) for name in assets],
                tags=tags,
                run_config=QUIET,
                raise_on_error=False,
            )

    def _abandon(self, run_id: str) -> None:
        """Record that a run ended which could not record it itself."""
        self.console.print("The database server went away or was too busy: this run starts again.", style="dim")
        try:
            run = self.instance.get_run_by_id(run_id)
            if run is not None and not run.is_finished:
                self.instance.report_run_failed(run, "The database server was lost; another run took over.")
        except STORAGE_LOST as error:
            if not is_storage_lost(error):
                raise
            raise CloudOptimizerError(
                "The database server went away and did not come back: start it, then run this again; what was "
                "finished is kept."
            ) from error

    @contextmanager
    def _listening(self, run_id: str, on_step: Callable[[str], None]) -> Iterator[None]:
        """Pass the names of starting steps on while the run holds the main thread: in process there is no callback."""
        done = threading.Event()
        thread = threading.Thread(target=self._follow, args=(run_id, done, on_step), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _follow(self, run_id: str, done: threading.Event, on_step: Callable[[str], None]) -> None:
        cursor = None
        last_look = False
        while not last_look:
            last_look = done.wait(POLL_SECONDS)
            try:
                page = self.instance.get_records_for_run(run_id, cursor=cursor, of_type=DagsterEventType.STEP_START)
            except STORAGE_LOST:
                continue  # whether the run survives is told where it runs
            cursor = page.cursor or cursor
            for record in page.records:
                event = record.event_log_entry.dagster_event
                if event is not None and event.step_key is not None:
                    on_step(event.step_key)


def _is_interrupted(result: ExecuteInProcessResult) -> bool:
    """Tell whether Ctrl-C or a request to end came, inside a step or between two."""
    failures = (event.job_failure_data for event in result.all_events if event.is_job_failure)
    errors = (failure.error for failure in failures if failure.error is not None)
    return any(error.cls_name == DagsterExecutionInterruptedError.__name__ for error in errors)


def _failure(result: ExecuteInProcessResult, part: Slice) -> str:
    """Return one sentence: the checks that stopped the run, or the failed step with what its error says to people."""
    where = f"cluster {part.cluster}, {part.first} to {part.last}"
    look = f"(run {result.run_id} in the Dagster UI)"
    stopped = [
        f"{check.asset_key.to_user_string()} {check.check_name} ({check.description})"
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.blocking
    ]
    if stopped:
        return f"Blocking checks stopped the run for {where}: {'; '.join(stopped)} {look}"
    for event in result.all_events:
        if event.event_type == DagsterEventType.STEP_FAILURE and event.step_failure_data.error:
            error = telling_error(event.step_failure_data.error)
            return f"{event.step_key} failed for {where}: {error.message.strip()} {look}"
    return f"The run failed for {where} {look}"
