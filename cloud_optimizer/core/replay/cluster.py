"""One cluster's own history under every policy and contract, as the table that the platform keeps."""

from datetime import date
from typing import Final

import numpy as np
import polars as pl

from cloud_optimizer.core.contracts import Resource
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.panel import Panel
from cloud_optimizer.core.policies.plan import Policy
from cloud_optimizer.core.policies.registry import policies_for
from cloud_optimizer.core.replay.data import COLUMNS, ReplayData
from cloud_optimizer.core.replay.measures import MEASURES
from cloud_optimizer.core.replay.run import EQUAL_VIOLATIONS, PolicyScore, replay
from cloud_optimizer.core.replay.settings import CONTRACTS, ReplaySettings

REPLAY_MEASURES: Final = (*MEASURES, *EQUAL_VIOLATIONS, "regret")

REPLAY_SCHEMA: Final = pl.Schema(
    {
        "cluster": pl.String(),
        "date": pl.Date(),
        "resource": pl.String(),
        "contract": pl.String(),
        "policy": pl.String(),
        **dict.fromkeys(REPLAY_MEASURES, pl.Float64()),
        **{f"{measure}_{bound}": pl.Float64() for measure in REPLAY_MEASURES for bound in ("lower", "upper")},
    }
)
"""One policy under one contract on the days up to `date`: shares of what was provisioned, and their 95 % intervals."""

REPLAYED: Final[tuple[tuple[Resource, str], ...]] = (*(("cpu", name) for name in CONTRACTS), ("memory", "daily"))
"""Resource and contract: to lower memory in place risks a kill, so it is replayed with restarts only."""


def replay_cluster(panel: Panel, cluster: str, day: date) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Replay all policies of each contract and return `REPLAY_SCHEMA` rows with notes on what was left out.

    Args:
        panel: Roll-up columns at the telemetry's own cadence, up to the end of `day`.
        cluster: Name of the cluster.
        day: Last day replayed.
    """
    frames, notes = [REPLAY_SCHEMA.to_frame()], []
    for resource, contract in REPLAYED:
        if np.isnan(panel[COLUMNS[resource][0]]).all() or np.isnan(panel[COLUMNS[resource][1]]).all():
            notes.append(f"{resource} {contract}: usage or capacity is not known")
            continue
        try:
            settings = CONTRACTS[contract].model_copy(update={"resource": resource})
            scores = replay(ReplayData.from_panel(panel, resource), _policies(settings), settings)
        except InputError as error:
            notes.append(f"{resource} {contract}: {error}")
            continue
        frames.append(_frame(scores, cluster, day, resource, contract))
    return pl.concat(frames), tuple(notes)


def _policies(settings: ReplaySettings) -> tuple[Policy, ...]:
    """Every policy; of the oracles only the one of the cadence can be compared with."""
    other = "oracle_hourly" if settings.cadence == "daily" else "oracle_daily"
    return tuple(policy for policy in policies_for(settings) if policy.name != other)


def _frame(scores: tuple[PolicyScore, ...], cluster: str, day: date, resource: Resource, contract: str) -> pl.DataFrame:
    keys = {"cluster": cluster, "date": day, "resource": resource, "contract": contract}
    rows = [{**keys, "policy": score.policy, **score.values, **_bounds(score)} for score in scores]
    return pl.DataFrame(rows).select(REPLAY_SCHEMA.names()).cast(REPLAY_SCHEMA).fill_nan(None)


def _bounds(score: PolicyScore) -> dict[str, float | None]:
    known = {measure: score.intervals[measure] or (None, None) for measure in REPLAY_MEASURES}
    return {
        f"{measure}_{bound}": value
        for measure, interval in known.items()
        for bound, value in zip(("lower", "upper"), interval, strict=True)
    }
