"""Findings and reason codes: each of them is said of some workload, none is a word that nothing leads to."""

import numpy as np
import polars as pl

from cloud_optimizer.core.recommendations.findings import FINDINGS, REASON_CODES
from cloud_optimizer.core.recommendations.inputs import Trust
from cloud_optimizer.core.recommendations.recommend import recommend
from cloud_optimizer_tests.core.recommendations.fleet import GIB, inputs, rollup

STEADY = np.full(14 * 24, 0.5)
TRAFFIC = ("disk_read", "disk_write", "network_receive", "network_transmit")


def with_traffic(name: str, level: float) -> pl.DataFrame:
    return rollup(name, STEADY, **{f"{kind}_bytes_per_second_mean": level for kind in TRAFFIC})


def test_every_finding_and_every_reason_code_is_reached() -> None:
    full = {"memory_usage_bytes_mean": 3.9 * GIB, "memory_usage_bytes_max": 4.0 * GIB}
    fleet = [
        rollup("full", np.full(14 * 24, 3.8), cpu_usage_cores_max=4.0, **full),
        rollup("fits", STEADY, cpu_capacity_cores=0.7, memory_capacity_bytes=1.6 * GIB),
        rollup("idle", STEADY / 1000),
        rollup("daily", np.tile([0.2] * 23 + [2.0], 14)),
        rollup("new", STEADY[:5]),
        rollup("unlimited", STEADY, cpu_capacity_cores=None),
        rollup("silent", STEADY).head(13 * 24),
        with_traffic("loud", 48.0),
        with_traffic("quiet", 1.0),
        rollup("scaled", STEADY * 8, cpu_capacity_cores=16.0, replicas_mean=8.0),
    ]
    limits = {"disk_limit_bytes_per_second": 100.0, "network_limit_bytes_per_second": 100.0}
    wishes = [
        {"workload_id": "loud", **limits},
        {"workload_id": "quiet", **limits, "oom_memory_bytes": 3 * GIB},
        {"workload_id": "scaled", "hpa_target_utilization": 0.6, "maintenance_start_hour": 3},
    ]
    history, preferences = pl.concat(fleet), pl.DataFrame(wishes)
    trusts = (Trust(), Trust(drift_failed=True))
    records = pl.concat(recommend(inputs(history, preferences=preferences, trust=trust)) for trust in trusts)
    assert set(records["reason_codes"].explode()) == set(REASON_CODES)
    assert set(records["finding"]) == set(FINDINGS)
