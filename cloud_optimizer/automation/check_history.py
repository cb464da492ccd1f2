"""Failed asset checks of the past, as plain values.

Dagster offers no public query for the history of check evaluations: its storage method and status enum are used
here alone, and a contract test pins what they return.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from dagster import AssetCheckKey, DagsterInstance
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

HISTORY_LIMIT = 100


@dataclass(frozen=True)
class FailedCheck:
    """One failed evaluation; `partition` is the one whose data failed (from the metadata the check gave).

    `at` is when it was evaluated: its record may be older, from when the run was planned.
    """

    record_id: int
    check: str
    cluster: str
    partition: str
    at: datetime
    description: str = field(default="", compare=False)
    run_id: str = field(default="", compare=False)


def failed_checks(instance: DagsterInstance, key: AssetCheckKey, limit: int = HISTORY_LIMIT) -> list[FailedCheck]:
    """Return the latest failed evaluations, oldest first.

    Only final rows count: in a partitioned run the planned row carries the partition and stays PLANNED.
    """
    records = instance.event_log_storage.get_asset_check_execution_history(
        key, limit=limit, status={AssetCheckExecutionRecordStatus.FAILED}
    )
    failures = []
    for record in records:
        entry = record.event
        if entry is None or entry.dagster_event is None:
            continue
        evaluation = entry.dagster_event.asset_check_evaluation_data
        metadata = evaluation.metadata
        if "cluster" in metadata and "partition" in metadata:
            failures.append(
                FailedCheck(
                    record_id=record.id,
                    check=key.name,
                    cluster=str(metadata["cluster"].value),
                    partition=str(metadata["partition"].value),
                    at=datetime.fromtimestamp(entry.timestamp, UTC),
                    description=evaluation.description or "",
                    run_id=record.run_id,
                )
            )
    return sorted(failures, key=lambda failure: failure.record_id)


def last_words(instance: DagsterInstance, key: AssetCheckKey) -> str | None:
    """Return the description of the latest evaluation that took place, None where none did.

    A run that is queued has planned its evaluations already: those are passed over.
    """
    final = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=1, status=final)
    entry = records[0].event if records else None
    if entry is None or entry.dagster_event is None:
        return None
    return entry.dagster_event.asset_check_evaluation_data.description or ""
