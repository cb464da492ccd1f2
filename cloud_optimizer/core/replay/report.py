"""What people see of a replay: table rows, JSON, and an HTML page with the Pareto plot that needs no network."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cloud_optimizer.core.replay.run import PolicyScore
from cloud_optimizer.core.replay.settings import ReplaySettings

PERCENT = {
    "slack": "slack %",
    "violating_observations": "violating observations %",
    "unmet_volume": "unmet volume %",
    "violating_workload_days": "violating workload-days %",
}
PLAIN = {
    "provision": "provision",
    "changes_per_workload_day": "changes a workload-day",
    "provision_at_1pct": "provision at 1 %",
    "provision_at_0_1pct": "provision at 0.1 %",
    "regret": "regret",
}
ORDER = (
    "provision",
    "slack",
    "violating_observations",
    "unmet_volume",
    "violating_workload_days",
    "changes_per_workload_day",
    "provision_at_1pct",
    "provision_at_0_1pct",
    "regret",
)

LIMITS = (
    "Observed usage is cut off by the capacity of the time, throttled work is not carried over, and averages over a "
    "sample hide shorter spikes. Intervals are 95 %, over resampled workloads; scales at equal violations are tuned "
    "on the first half of the scored days and scored on the second."
)


def replay_table(scores: Sequence[PolicyScore]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and one row of text a policy: value, and the interval in brackets."""
    header = ("policy", *(PERCENT.get(measure) or PLAIN[measure] for measure in ORDER))
    return header, [(score.policy, *(_cell(score, measure) for measure in ORDER)) for score in scores]


def reliability_table(score: PolicyScore) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and one row of text a band of stated risk; no row where the policy states none."""
    header = ("stated risk", "periods", "short", "stated", "observed", "observed / stated")
    rows: list[tuple[str, ...]] = [
        (
            f"{band.lowest * 100:g} to {band.highest * 100:g} %",
            f"{band.periods:,}",
            f"{band.events:,}",
            f"{band.stated * 100:.3g} %",
            f"{band.observed * 100:.3g} %",
            "too few" if band.ratio is None else f"{band.ratio:.2f}",
        )
        for band in score.reliability
        if band.periods
    ]
    return header, rows


def replay_json(scores: Sequence[PolicyScore]) -> list[dict[str, Any]]:
    """Return one plain object a policy: every measure as a share, with intervals; null is undefined."""
    return [score.to_json() for score in scores]


def contract_text(settings: ReplaySettings) -> str:
    """Return the contract in words."""
    parts = [f"{settings.resource}, {settings.cadence} decisions"]
    if settings.raise_within_hour:
        parts.append("raised within the hour after a sample over capacity")
    if settings.max_changes_per_day is not None:
        changes = "change" if settings.max_changes_per_day == 1 else "changes"
        parts.append(f"at most {settings.max_changes_per_day} {changes} a workload-day")
    return ", ".join(parts)


def write_report(path: Path, scores: Sequence[PolicyScore], settings: ReplaySettings, source: str) -> None:
    """Write one HTML page with the Pareto plot and the table; it replaces an earlier one at once.

    Args:
        path: Where to write.
        scores: What `replay` returned.
        settings: Contract and scoring.
        source: Name of the data, for the heading.
    """
    figure = pareto_figure(scores).to_html(full_html=False, include_plotlyjs=True)
    title = html.escape(f"Replay of {source}: {contract_text(settings)}")
    stated = [
        f"<h2>{html.escape(score.policy)}: does the stated risk come true?</h2>{_html_table(*reliability_table(score))}"
        for score in scores
        if score.reliability
    ]
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>"
        f"<body><h1>{title}</h1>{figure}{_html_table(*replay_table(scores))}{''.join(stated)}"
        f"<p>{html.escape(LIMITS)}</p></body></html>"
    )
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(page, encoding="utf-8")
    unfinished.replace(path)


def _html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


STYLE = (
    "body{font-family:system-ui,sans-serif;margin:2rem;color:#1b1f24}h1{font-size:1.3rem}h2{font-size:1.1rem}"
    "table{border-collapse:collapse;font-size:.85rem}td,th{padding:.3rem .6rem;border-bottom:1px solid #d0d7de;"
    "text-align:right}td:first-child,th:first-child{text-align:left}"
)


def pareto_figure(scores: Sequence[PolicyScore]) -> Any:
    """Return the plot of provision against violations and unmet volume; policies on the front are joined."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.04)
    for column, measure in enumerate(("violating_observations", "unmet_volume"), start=1):
        points = np.array([[score.values[measure] * 100.0, score.values["provision"]] for score in scores])
        for trace in _traces(scores, points, measure):
            figure.add_trace(trace, row=1, col=column)
        figure.update_xaxes(title_text=PERCENT[measure], rangemode="tozero", row=1, col=column)
    figure.update_yaxes(title_text="provision (share of what is provisioned)", rangemode="tozero", row=1, col=1)
    figure.update_layout(showlegend=False, height=560, template="plotly_white", margin={"t": 30})
    return figure


def pareto_front(points: np.ndarray) -> list[int]:
    """Return the positions of points [n, 2] that no other beats in both columns, lower being better."""
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    front: list[int] = []
    for position in known[np.lexsort((points[known, 1], points[known, 0]))]:
        if not front or points[position, 1] < points[front[-1], 1]:
            front.append(int(position))
    return front


def _traces(scores: Sequence[PolicyScore], points: np.ndarray, measure: str) -> list[Any]:
    from plotly import graph_objects

    front = pareto_front(points)
    names = [score.policy for score in scores]
    line = graph_objects.Scatter(
        x=points[front, 0], y=points[front, 1], mode="lines", line={"dash": "dot", "color": "#8c959f"}, hoverinfo="skip"
    )
    marks = graph_objects.Scatter(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers+text",
        text=names,
        textposition="top right",
        marker={"size": 10, "color": ["#cf222e" if name == "cloud_optimizer" else "#0969da" for name in names]},
        error_x=_bars(scores, measure, 100.0),
        error_y=_bars(scores, "provision", 1.0),
    )
    return [line, marks]


def _bars(scores: Sequence[PolicyScore], measure: str, factor: float) -> dict[str, Any]:
    low, high = [], []
    for score in scores:
        value, bounds = score.values[measure], score.intervals[measure]
        low.append(0.0 if bounds is None else max(value - bounds[0], 0.0) * factor)
        high.append(0.0 if bounds is None else max(bounds[1] - value, 0.0) * factor)
    return {"type": "data", "symmetric": False, "array": high, "arrayminus": low, "thickness": 0.6, "width": 2}


def _cell(score: PolicyScore, measure: str) -> str:
    value, bounds = score.values[measure], score.intervals[measure]
    if not np.isfinite(value):
        return "undefined"
    factor, digits = (100.0, 2) if measure in PERCENT else (1.0, 3)
    text = f"{value * factor:.{digits}f}"
    return text if bounds is None else f"{text} [{bounds[0] * factor:.{digits}f}, {bounds[1] * factor:.{digits}f}]"
