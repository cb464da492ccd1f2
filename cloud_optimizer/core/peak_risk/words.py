"""The peak risk of a workload in plain words."""

from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import TARGETS_BY_NAME

LABELS: Final = {"cpu": "CPU", "memory": "memory"}
SMALLEST_TOLD: Final = 0.001


def peak_risk_words(risks: pl.DataFrame) -> str:
    """Say how likely a workload reaches its present capacity; empty where nothing is known.

    Args:
        risks: Rows of `PEAK_RISK_SCHEMA` of one workload and day.

    Example: `Probability that 95 % of today's capacity is reached within the next 24 hours: CPU 12 %, memory less than
    0.1 %.`
    """
    known = risks.filter(pl.col("probability").is_not_null()).sort("target").to_dicts()
    if not known:
        return ""
    told = [f"{LABELS[TARGETS_BY_NAME[row['target']].resource]} {_percent(row['probability'])}" for row in known]
    threshold = f"{100 * known[0]['threshold']:.3g} %"
    return f"Probability that {threshold} of today's capacity is reached within the next 24 hours: {', '.join(told)}."


def _percent(probability: float) -> str:
    if probability < SMALLEST_TOLD:
        return "less than 0.1 %"
    return f"{100 * probability:.{0 if probability >= 0.1 else 1}f} %"
