"""The peak risk as a person reads it."""

from datetime import date

import polars as pl

from cloud_optimizer.core.peak_risk.records import PEAK_RISK_SCHEMA
from cloud_optimizer.core.peak_risk.words import peak_risk_words

KEYS = {"cluster": "web", "workload_id": "a", "date": date(2026, 3, 31), "threshold": 0.95}


def risks(**probabilities: float | None) -> pl.DataFrame:
    rows = [{**KEYS, "target": target, "probability": value} for target, value in probabilities.items()]
    return pl.DataFrame(rows, schema=PEAK_RISK_SCHEMA)


def test_the_probabilities_of_both_resources_are_one_sentence() -> None:
    assert peak_risk_words(risks(memory_peak=0.0002, cpu_peak=0.1234)) == (
        "Probability that 95 % of today's capacity is reached within the next 24 hours: "
        "CPU 12 %, memory less than 0.1 %."
    )
    assert peak_risk_words(risks(cpu_peak=0.998, memory_peak=0.0123)).endswith(": CPU 100 %, memory 1.2 %.")


def test_a_capacity_that_is_not_known_is_not_mentioned_and_nothing_known_says_nothing() -> None:
    assert "memory" not in peak_risk_words(risks(cpu_peak=0.5, memory_peak=None))
    assert peak_risk_words(risks(cpu_peak=None)) == ""
    assert peak_risk_words(PEAK_RISK_SCHEMA.to_frame()) == ""
