"""Failed asset checks of the past, as plain values.

Dagster offers no public query for the history of check evaluations: its storage method and status enum are used
here alone, and a contract test pins what they return.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dagster import AssetCheckEvaluation, AssetCheckKey, DagsterInstance, JsonMetadataValue
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from cloud_optimizer.assets.checks import FAILED

HISTORY_LIMIT = 100


@dataclass(frozen=True)
class FailedCheck:
    """One cluster of a failed evaluation; `partition` is its newest that failed (from the metadata the check gave).

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
    """Return the latest failed evaluations, oldest first, each once for every cluster that failed in it.

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
        failures += [
            FailedCheck(
                record_id=record.id,
                check=key.name,
                cluster=place["cluster"],
                partition=place["partition"],
                at=datetime.fromtimestamp(entry.timestamp, UTC),
                description=place["description"],
                run_id=record.run_id,
            )
            for place in _places(entry.dagster_event.asset_check_evaluation_data)
        ]
    return sorted(failures, key=lambda failure: failure.record_id)


def _places(evaluation: AssetCheckEvaluation) -> Sequence[Mapping[str, str]]:
    """Return where a check failed, as `assets.checks` tells it; nowhere of an evaluation that does not say so."""
    told = evaluation.metadata.get(FAILED)
    return told.data if isinstance(told, JsonMetadataValue) else []  # type: ignore[return-value]


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
