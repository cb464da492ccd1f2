"""What the UI shows first of a day's recommendations: money of one kind, each saving once."""

from datetime import date

import polars as pl

from cloud_optimizer.assets.decisions import headlines
from cloud_optimizer.resources.warehouse import RECOMMENDATIONS
from cloud_optimizer_tests.resources.warehouse.frames import rows


def test_headlines_count_an_overlapping_saving_once_and_rank_each_currency_alone() -> None:
    fleet = rows(RECOMMENDATIONS, "shop", date(2026, 3, 10), workloads=4).with_columns(
        monthly_saving=pl.Series([60.0, 70.0, 9000.0, None]),
        currency=pl.Series(["EUR", "EUR", "JPY", "EUR"]),
        overlap_group=pl.Series(["blue-green", "blue-green", "other", "unknown"]),
        finding=pl.Series(["Idle", "Idle", "Overprovisioned", "InsufficientData"]),
    )
    told = headlines(fleet)
    assert (told["recommendations"], told["monthly_saving_eur"], told["monthly_saving_jpy"]) == (4, 70.0, 9000.0)
    best = [[record.data[name] for name in ("workload_id", "currency")] for record in told["top_savings"].records]
    assert best == [["w1", "EUR"], ["w2", "JPY"]]
