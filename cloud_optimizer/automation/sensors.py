"""The retraining sensor: what asks for it leads to one retraining of its cluster, bounded by cool-down and failures.

It gathers what the pure decision of core.retraining needs and turns its verdict into a run request. It reads
the history of evaluations rather than an automation condition: a condition fires once and is silent while drift lasts.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

from dagster import (
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from cloud_optimizer.automation.jobs import retraining_job
from cloud_optimizer.automation.retraining_causes import Causes, check_causes, data_causes
from cloud_optimizer.automation.retraining_health import changed_health, retraining_state
from cloud_optimizer.core.clock import Clock
from cloud_optimizer.core.retraining import Cause, RetrainingVerdict, retraining_decision
from cloud_optimizer.resources.warehouse import Warehouse
from cloud_optimizer.settings import Settings

CAUSE_TAG = "cloud_optimizer/cause"
REASON_TAG = "cloud_optimizer/reason"
SEEN_LIMIT = 2000  # more than the history that is read, so that an identity is never forgotten too early


@sensor(
    job=retraining_job,
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description="Requests one retraining of a cluster when a drift or performance check failed, when its models are "
    "missing or old, or when much new telemetry arrived; never two at once.",
)
def retraining_on_cause(
    context: SensorEvaluationContext,
    settings: ResourceParam[Settings],
    warehouse: ResourceParam[Warehouse],
    clock: ResourceParam[Clock],
) -> SensorResult:
    """Decide on the causes that were not settled yet, and keep the standing check of failing retrainings true."""
    now = clock()
    seen = list(json.loads(context.cursor)) if context.cursor else []
    found = open_causes([check_causes(context.instance), data_causes(context.instance, warehouse, settings, now)], seen)
    requests, words = [], []
    for cluster, causes in found.items():
        verdict = retraining_decision(causes, retraining_state(context.instance, cluster), settings.retraining, now)
        seen += sorted(verdict.settled)
        words.append(f"{cluster}: {'; '.join(verdict.reasons)}")
        if verdict.retrain:
            requests.append(_request(cluster, verdict))
    return SensorResult(
        run_requests=requests,
        skip_reason=None if requests else SkipReason(" | ".join(words) or "nothing new asks for a retraining"),
        asset_events=changed_health(context.instance, settings),
        cursor=json.dumps(seen[-SEEN_LIMIT:]),
    )


def open_causes(sources: Sequence[Causes], seen: Sequence[str]) -> Mapping[str, Sequence[Cause]]:
    """Join the causes of several sources by cluster, without those that were settled."""
    settled = frozenset(seen)
    joined: dict[str, list[Cause]] = defaultdict(list)
    for source in sources:
        for cluster, causes in source.items():
            joined[cluster] += [cause for cause in causes if cause.identity not in settled]
    return {cluster: causes for cluster, causes in joined.items() if causes}


def _request(cluster: str, verdict: RetrainingVerdict) -> RunRequest:
    assert verdict.cause is not None
    return RunRequest(
        run_key=f"retraining {cluster} {verdict.cause.identity}",
        partition_key=verdict.cause.partition,
        tags={CAUSE_TAG: verdict.cause.identity, REASON_TAG: "; ".join(verdict.reasons)[:500]},
    )
