"""A verdict keeps its decisions beside its evidence; only drift of demand or forecasts forbids trusting a forecast."""

from datetime import date

import polars as pl
import pytest

from cloud_optimizer.core.drift.verdict import DriftVerdict, KindVerdict
from cloud_optimizer.core.drift.verdict_rows import WHOLE_KIND, distrusts_model, recorded
from cloud_optimizer.core.records import DRIFT_SCHEMA

DAY = date(2026, 3, 1)
EVIDENCE = {"cluster": "web", "date": DAY, "kind": "target", "column": "cpu_mean", "statistic": "ks"}


def verdict(**drifted: bool | None) -> DriftVerdict:
    """Return a verdict by kind: true, false, or None for a kind that could not be judged."""
    rows = pl.DataFrame([{**EVIDENCE, "value": 0.9, "threshold": 0.2, "drifted": True}], schema=DRIFT_SCHEMA)
    kinds = {kind: KindVerdict(kind, found is not None, bool(found), "words") for kind, found in drifted.items()}
    return DriftVerdict("web", DAY, rows, kinds)


def test_one_row_a_judged_kind_holds_the_decision_after_the_evidence() -> None:
    rows = recorded(verdict(data=False, target=True, prediction=None))
    assert rows.schema == DRIFT_SCHEMA
    assert rows.height == 3
    assert rows.row(0, named=True)["column"] == "cpu_mean"
    decisions = rows.filter(pl.col("column") == WHOLE_KIND).select("kind", "statistic", "value", "drifted").rows()
    assert decisions == [("data", "verdict", 0.0, False), ("target", "verdict", 1.0, True)]


@pytest.mark.parametrize(
    ("drifted", "distrusted"),
    [
        ({"data": True, "target": False, "prediction": False}, False),
        ({"data": False, "target": True, "prediction": False}, True),
        ({"data": False, "target": False, "prediction": True}, True),
        ({"data": None, "target": None, "prediction": None}, False),
    ],
)
def test_drift_of_demand_or_of_forecasts_forbids_relying_on_the_model(
    drifted: dict[str, bool | None], distrusted: bool
) -> None:
    assert distrusts_model(recorded(verdict(**drifted))) is distrusted


def test_a_single_drifted_statistic_without_a_verdict_forbids_nothing() -> None:
    assert not distrusts_model(verdict(target=None).rows)


def test_a_day_that_was_never_judged_forbids_nothing() -> None:
    assert not distrusts_model(DRIFT_SCHEMA.to_frame())
