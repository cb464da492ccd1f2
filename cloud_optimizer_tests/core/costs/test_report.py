"""The cost report: sums per owner and cluster, every saving once, return on the work of changing."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_optimizer.core.costs.report import COST_REPORT_SCHEMA, CostReportSettings, cost_report, distinct_savings
from cloud_optimizer.core.records import RECOMMENDATION_SCHEMA


def recommendation(workload_id: str, before: float, saving: float, **other: object) -> pl.DataFrame:
    row = {
        "cluster": "shop",
        "workload_id": workload_id,
        "date": date(2026, 3, 10),
        "overlap_group": workload_id,
        "currency": "EUR",
        "owner": "team-a",
        "effort": "none" if saving == 0 else "medium",
        "monthly_saving": saving,
        "monthly_saving_lower": saving - 1,
        "monthly_saving_upper": saving + 1,
    } | {
        f"{kind}monthly_cost_{when}": before - saving * (when == "after")
        for kind in ("", "list_")
        for when in ("before", "after")
    }
    return pl.DataFrame([row | other]).pipe(_complete)


def _complete(frame: pl.DataFrame) -> pl.DataFrame:
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in RECOMMENDATION_SCHEMA.items() if name not in frame.columns
    ]
    return frame.with_columns(missing).select(RECOMMENDATION_SCHEMA.names()).cast(RECOMMENDATION_SCHEMA)


def test_owners_and_the_whole_cluster_add_up_with_roi() -> None:
    fleet = pl.concat(
        [
            recommendation("web", 100.0, 60.0),
            recommendation("db", 50.0, -20.0),
            recommendation("cron", 30.0, 0.0, owner=None),
        ]
    )
    # work: two changes of half an hour at 80 = 80 in all; (12 * 40 - 80) / 80 = 5; 80 / 40 months = 2 * 365 / 12 days
    report = cost_report(fleet, settings=CostReportSettings(hourly_rate=80.0))
    total = report.row(0, named=True)
    assert report["owner"].to_list() == [None, "team-a", "unassigned"]
    assert (total["workloads"], total["changes"]) == (3, 2)
    assert (total["monthly_cost_before"], total["monthly_cost_after"], total["monthly_saving"]) == (180.0, 140.0, 40.0)
    assert (total["gross_monthly_saving"], total["monthly_reinvestment"]) == (60.0, 20.0)
    assert total["roi"] == pytest.approx(5.0)
    assert total["payback_days"] == pytest.approx(2 * 365 / 12)
    assert report.schema == COST_REPORT_SCHEMA
    assert report["roi"][2] is None  # no work, no return on it


def test_overlapping_savings_count_once() -> None:
    fleet = pl.concat(
        [
            recommendation("blue", 100.0, 60.0, overlap_group="blue-green"),
            recommendation("green", 100.0, 70.0, overlap_group="blue-green"),
            recommendation("other", 10.0, 5.0),
        ]
    )
    total = cost_report(fleet).row(0, named=True)
    assert total["monthly_saving"] == 75.0
    assert (total["monthly_cost_before"], total["monthly_cost_after"]) == (210.0, 135.0)


def test_overlapping_savings_in_different_currencies_are_not_compared() -> None:
    fleet = pl.concat(
        [
            recommendation("blue", 100.0, 60.0, overlap_group="blue-green"),
            recommendation("green", 9000.0, 7000.0, overlap_group="blue-green", currency="JPY"),
        ]
    )
    assert distinct_savings(fleet).select("currency", "monthly_saving").rows() == [("EUR", 60.0), ("JPY", 7000.0)]


def test_of_several_days_the_latest_recommendation_of_a_workload_counts() -> None:
    days = pl.concat([recommendation("web", 100.0, 60.0), recommendation("web", 100.0, 10.0, date=date(2026, 3, 11))])
    assert distinct_savings(days)["monthly_saving"].to_list() == [10.0]


def test_owners_of_a_workload_list_win_over_those_of_the_records() -> None:
    owners = pl.DataFrame({"cluster": ["shop"], "workload_id": ["web"], "owner": ["team-b"]})
    assert cost_report(recommendation("web", 100.0, 60.0), owners)["owner"].to_list() == [None, "team-b"]


def test_currencies_are_never_added_up() -> None:
    mixed = pl.concat([recommendation("web", 100.0, 60.0), recommendation("db", 100.0, 60.0, currency="USD")])
    totals = cost_report(mixed).filter(pl.col("owner").is_null())
    assert dict(totals.select("currency", "monthly_saving").iter_rows()) == {"EUR": 60.0, "USD": 60.0}


def test_owners_are_ranked_within_their_currency() -> None:
    savings = [("a", 5.0, "EUR"), ("b", 900.0, "JPY"), ("c", 60.0, "EUR"), ("d", 700.0, "JPY")]
    fleet = [recommendation(name, 1000.0, saving, currency=kind, owner=name) for name, saving, kind in savings]
    ranked = cost_report(pl.concat(fleet)).select("currency", "owner").rows()
    assert ranked == [("EUR", None), ("JPY", None), ("EUR", "c"), ("EUR", "a"), ("JPY", "b"), ("JPY", "d")]


def test_no_recommendations_give_an_empty_report() -> None:
    assert cost_report(RECOMMENDATION_SCHEMA.to_frame()).equals(COST_REPORT_SCHEMA.to_frame())


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 2), st.floats(0, 1000), st.floats(-2, 1), st.sampled_from("ab")),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 9),
)
@settings(max_examples=30, deadline=None)
def test_the_saving_never_exceeds_the_cost_and_the_order_of_records_is_nothing(
    rows: list[tuple[int, int, float, float, str]], seed: int
) -> None:
    fleet = pl.concat(
        [
            recommendation(f"w{name}", before, before * share, date=date(2026, 3, 10 + day), overlap_group=group)
            for name, day, before, share, group in {row[:2]: row for row in rows}.values()
        ]
    )
    report = cost_report(fleet)
    assert (report["monthly_saving"] <= report["monthly_cost_before"] + 1e-6).all()
    difference = report["monthly_cost_before"] - report["monthly_cost_after"] - report["monthly_saving"]
    assert difference.abs().max() < 1e-6
    assert report.equals(cost_report(fleet.sample(fraction=1.0, shuffle=True, seed=seed)))
