"""What a person wants to know after a run, as tables: savings, risks, accuracy, drift, quarantine, policies."""

from collections.abc import Sequence
from datetime import date

import polars as pl
from rich.console import Console

from cloud_optimizer.cli.results import read_results
from cloud_optimizer.cli.tables import show
from cloud_optimizer.connections import Platform
from cloud_optimizer.core.champion.window import INCUMBENT
from cloud_optimizer.core.drift.verdict_rows import WHOLE_KIND
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.evaluation.records import EVALUATION_SCHEMA, summarize_evaluations
from cloud_optimizer.core.names import way_out
from cloud_optimizer.core.recommendations.summary import top_risks, top_savings, totals
from cloud_optimizer.partitions import Slice
from cloud_optimizer.resources.warehouse import ACCURACY, DRIFT, QUARANTINE, RECOMMENDATIONS, Warehouse
from cloud_optimizer.resources.warehouse.reports import POLICY_REPLAYS

TOP = 8
LONG_AGO = date(1970, 1, 1)


def print_report(platform: Platform, decided: Sequence[Slice], console: Console) -> None:
    """Print the tables for the decided days of every cluster."""
    recommendations = _newest(read_results(platform, RECOMMENDATIONS, decided))
    show(console, "Top savings a month", top_savings(recommendations, TOP))
    show(console, "Top risks: share of the next day short of capacity", top_risks(recommendations, TOP))
    show(console, "All recommendations", totals(recommendations))
    show(console, "Out-of-time accuracy of every model", model_accuracy(platform, decided))
    show(console, "Champion forecasts against what happened", champion_accuracy(platform, decided))
    show(console, "Drift: days that were judged and days that differed", drift(platform, decided), "no day was judged")
    show(console, "Quarantined samples", quarantine(platform.warehouse, decided))
    show(console, "Sizing policies replayed on this history, CPU", replays(platform, decided))


def newest_recommendations(warehouse: Warehouse, cluster: str | None = None) -> pl.DataFrame:
    """Return the newest recommendations of one cluster or of all.

    Raises:
        InputError: There is no such cluster.
    """
    known = warehouse.clusters()
    if cluster is not None and cluster not in known:
        instead = way_out(cluster, known, f"choose from {', '.join(known)}." if known else "nothing is ingested yet.")
        raise InputError(f"There is no cluster {cluster}: {instead}")
    clusters = known if cluster is None else [cluster]
    frames = [RECOMMENDATIONS.schema.to_frame()]
    for name in clusters:
        days = warehouse.days(RECOMMENDATIONS, name)
        if days:
            frames.append(warehouse.read(RECOMMENDATIONS, name, days[-1], Slice(name, days[-1], days[-1]).next_day))
    return pl.concat(frames)


def model_accuracy(platform: Platform, decided: Sequence[Slice]) -> pl.DataFrame:
    """Return one row a cluster, target and model on the newest held-out days, best first."""
    losses = [platform.evaluations.read(part.cluster, part.last) for part in decided]
    summary = summarize_evaluations(pl.concat([EVALUATION_SCHEMA.to_frame(), *losses]))
    return summary.filter(~pl.col("model").is_in(INCUMBENT.values())).sort("cluster", "target", "wql")


def champion_accuracy(platform: Platform, decided: Sequence[Slice]) -> pl.DataFrame:
    """Return the accuracy of the forecasts that were acted on, averaged over the decided days."""
    scored = read_results(platform, ACCURACY, decided).filter(pl.col("observations") > 0)
    measures = [pl.col(name).mean() for name in ("wape", "mase", "wql", "coverage_80", "coverage_95")]
    days = pl.col("date").n_unique().alias("scored")
    return scored.group_by("cluster", "target", "model").agg(days, *measures).sort("cluster", "target", "model")


def drift(platform: Platform, decided: Sequence[Slice]) -> pl.DataFrame:
    """Return, per cluster and kind, how many of the judged days drifted, and what lay furthest beyond its threshold."""
    rows = read_results(platform, DRIFT, decided)
    verdict = pl.col("column") == WHOLE_KIND
    excess = (pl.col("value") / pl.col("threshold")).filter(~verdict)
    return (
        rows.group_by("cluster", "kind")
        .agg(
            verdict.sum().alias("judged"),
            (verdict & pl.col("drifted")).sum().alias("drifted"),
            pl.col("column").filter(~verdict).sort_by(excess, descending=True).first().alias("furthest_column"),
            excess.max().alias("of_its_threshold_ratio"),
        )
        .sort("cluster", "kind")
    )


def quarantine(warehouse: Warehouse, decided: Sequence[Slice]) -> pl.DataFrame:
    """Return how many samples were rejected, per cluster and reason, over the whole history."""
    columns = ["cluster", "reason", "detail"]
    frames = [warehouse.read(QUARANTINE, part.cluster, LONG_AGO, part.next_day, columns) for part in decided]
    rows = pl.concat([pl.DataFrame(schema=dict.fromkeys(columns, pl.String)), *frames])
    return (
        rows.group_by("cluster", "reason")
        .agg(pl.len().alias("samples"), example=pl.col("detail").first())
        .sort("cluster", "samples", descending=[False, True])
    )


def replays(platform: Platform, decided: Sequence[Slice]) -> pl.DataFrame:
    """Return the daily CPU replay of the newest day, cheapest policy first."""
    rows = read_results(platform, POLICY_REPLAYS, [Slice(part.cluster, part.last, part.last) for part in decided])
    columns = ["provision", "violating_observations", "unmet_volume", "changes_per_workload_day", "regret"]
    daily = rows.filter((pl.col("resource") == "cpu") & (pl.col("contract") == "daily"))
    return daily.sort("cluster", "provision").select("cluster", "policy", *columns)


def _newest(recommendations: pl.DataFrame) -> pl.DataFrame:
    return recommendations.filter(pl.col("date") == pl.col("date").max().over("cluster"))
