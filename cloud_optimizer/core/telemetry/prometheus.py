"""What is asked of a Prometheus server and what its answers mean. Talking to one is resources.telemetry.prometheus.

The default queries read cAdvisor and kube-state-metrics and give one series a workload, which is the owner of a pod:
the Deployment behind a ReplicaSet, the CronJob behind a Job, else the StatefulSet or DaemonSet itself. `$window`
stands for the window of a rate and `$cluster` for the label matcher of the cluster, with its comma.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from string import Template
from typing import Any, Final, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cloud_optimizer.core.contracts import MEASURES, SAMPLE_SCHEMA, UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError

MAXIMUM_POINTS: Final = 11_000
"""Points of a series that Prometheus gives in one answer."""

_OWNERS: Final = (
    # (selector of the pods' owners, label the name is in, pattern of the workload's name in it)
    ('owner_kind="ReplicaSet"', "owner_name", "(.+)-[^-]+"),  # checkout-5d9c7f belongs to checkout
    ('owner_kind="Job"', "owner_name", "(.+?)(?:-[0-9]{8,})?"),  # etl-28391020 belongs to the CronJob etl
    ('owner_kind=~"StatefulSet|DaemonSet|ReplicationController|Node"', "owner_name", "(.+)"),
    ('owner_kind=~"|<none>"', "pod", "(.+)"),  # a pod nobody owns is its own workload
)
_OWNER: Final = " or ".join(
    f'label_replace(kube_pod_owner{{$cluster {selector}}}, "workload", "$$1", "{label}", "{pattern}")'
    for selector, label, pattern in _OWNERS
)


def _by_workload(per_pod: str) -> str:
    return (
        f"sum by (namespace, workload) (sum by (namespace, pod) ({per_pod}) "
        f"* on (namespace, pod) group_left (workload) max by (namespace, pod, workload) ({_OWNER}))"
    )


def _limit(resource: str) -> str:
    limits = f'kube_pod_container_resource_limits{{$cluster resource="{resource}"}}'
    requests = f'kube_pod_container_resource_requests{{$cluster resource="{resource}"}}'
    return _by_workload(f"{limits} or {requests}")


DEFAULT_QUERIES: Final[Mapping[str, str]] = {
    "cpu_usage_cores": _by_workload('rate(container_cpu_usage_seconds_total{$cluster container!=""}[$window])'),
    "cpu_capacity_cores": _limit("cpu"),
    "memory_usage_bytes": _by_workload('container_memory_working_set_bytes{$cluster container!=""}'),
    "memory_capacity_bytes": _limit("memory"),
    "disk_read_bytes_per_second": _by_workload('rate(container_fs_reads_bytes_total{$cluster container!=""}[$window])'),
    "disk_write_bytes_per_second": _by_workload(
        'rate(container_fs_writes_bytes_total{$cluster container!=""}[$window])'
    ),
    "network_receive_bytes_per_second": _by_workload(
        'rate(container_network_receive_bytes_total{$cluster pod!=""}[$window])'
    ),
    "network_transmit_bytes_per_second": _by_workload(
        'rate(container_network_transmit_bytes_total{$cluster pod!=""}[$window])'
    ),
    "replicas": _by_workload('kube_pod_status_phase{$cluster phase="Running"}'),
}
"""Query of each measure. Requests, latency and errors have no common names: give queries of your own."""


class PrometheusSettings(BaseModel):
    """Which Prometheus is read, what is asked of it, and how gently."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(description="Address of the server, such as http://prometheus:9090.", min_length=1)
    cluster: str = Field(default="prometheus", min_length=1, description="Cluster name, unless cluster_label is set.")
    cluster_label: str | None = Field(default=None, description="Label that tells clusters apart on one server.")
    workload_labels: tuple[str, ...] = Field(
        default=("namespace", "workload"), min_length=1, description="Labels of the answers that name a workload."
    )
    queries: dict[str, str] = Field(
        default_factory=dict, description="PromQL by measure, instead of or besides the default; empty text drops one."
    )
    default_queries: bool = Field(default=True, description="Whether measures without a query here use the default.")
    start: date = Field(description="First day to read, UTC.")
    end: date | None = Field(default=None, description="Day after the last one, UTC; today where it is not given.")
    step_seconds: int = Field(default=300, ge=15, le=3600, description="Seconds between two samples; divides 3600.")
    window_seconds: int | None = Field(
        default=None, ge=15, le=86_400, description="Window of rates, at least two scrapes; the step by default."
    )
    slice_hours: int = Field(default=6, ge=1, le=168, description="Hours that one request asks for.")
    concurrency: int = Field(default=4, ge=1, le=32, description="Requests under way at once.")
    attempts: int = Field(default=6, ge=1, le=20, description="Tries of one request before giving up.")
    backoff_seconds: float = Field(default=0.5, gt=0, le=60, description="Wait after the first failed try; doubles.")
    longest_backoff_seconds: float = Field(default=60.0, gt=0, le=600, description="Longest wait between two tries.")
    timeout_seconds: float = Field(default=60.0, gt=0, le=600, description="Longest wait for one answer.")

    @field_validator("queries")
    @classmethod
    def _known_measures(cls, queries: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(queries) - set(MEASURES))
        if unknown:
            raise ValueError(f"no such measure: {', '.join(unknown)}; there are {', '.join(MEASURES)}")
        return queries

    @model_validator(mode="after")
    def _step_divides_the_hour(self) -> Self:
        if 3600 % self.step_seconds:
            raise ValueError(f"step_seconds must divide 3600, {self.step_seconds} does not")
        return self

    @model_validator(mode="after")
    def _something_is_asked(self) -> Self:
        if not self.query_texts(self.cluster):
            raise ValueError("no measure has a query")
        return self

    @model_validator(mode="after")
    def _range_is_not_empty(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end {self.end} must be after start {self.start}")
        return self

    @property
    def step(self) -> timedelta:
        """Time between two samples."""
        return timedelta(seconds=self.step_seconds)

    def query_texts(self, cluster: str) -> dict[str, str]:
        """Return the PromQL of each measure that is asked for, in the order of contracts.MEASURES."""
        chosen = {**(DEFAULT_QUERIES if self.default_queries else {}), **self.queries}
        matcher = f'{self.cluster_label}="{escape(cluster)}",' if self.cluster_label else ""
        window = f"{self.window_seconds or self.step_seconds}s"
        return {
            measure: Template(chosen[measure]).safe_substitute(cluster=matcher, window=window)
            for measure in MEASURES
            if chosen.get(measure, "").strip()
        }


def escape(text: str) -> str:
    """Return a text as it may stand between the double quotes of PromQL."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@dataclass(frozen=True)
class Slice:
    """A stretch of intervals [start, end) that is asked for at once."""

    start: datetime
    end: datetime


def slices(start: datetime, end: datetime, settings: PrometheusSettings) -> Iterator[Slice]:
    """Yield the slices that cover [start, end), cut at fixed hours so that any two reads share them."""
    length = min(timedelta(hours=settings.slice_hours), MAXIMUM_POINTS * settings.step)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    at = epoch + (start - epoch) // length * length
    while at < end:
        yield Slice(at, at + length)
        at += length


def wait_seconds(attempt: int, settings: PrometheusSettings, retry_after: float | None = None) -> float:
    """Return the wait before the next try: what the server asks for, else the backoff doubled each time.

    Worked: 0.5 s at first gives 0.5, 1, 2, 4, ... s, at most the longest backoff.
    """
    wait = settings.backoff_seconds * 2.0**attempt if retry_after is None else max(retry_after, 0.0)
    return min(wait, settings.longest_backoff_seconds)


def read_matrix(answer: Mapping[str, Any], measure: str, settings: PrometheusSettings) -> pl.DataFrame:
    """Return the samples (workload_id, timestamp, measure) of one answer to query_range.

    A sample is labelled by the start of its interval, a step before the time at which the query was evaluated.

    Raises:
        InputError: The answer is no matrix, lacks a workload label, or has several series of one workload.
    """
    if answer.get("resultType") != "matrix":
        raise InputError(f"the query of {measure} gives a {answer.get('resultType')}, not series over time.")
    frames = [_read_series(series, measure, settings) for series in answer["result"]]
    names = [frame["workload_id"][0] for frame in frames if frame.height]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        labels = ", ".join(settings.workload_labels)
        raise InputError(f"the query of {measure} gives several series of {twice}: aggregate it by ({labels}).")
    empty = pl.DataFrame(schema={"workload_id": pl.String, "timestamp": UTC_TIMESTAMP, measure: pl.Float64})
    return pl.concat([empty, *frames])


def _read_series(series: Mapping[str, Any], measure: str, settings: PrometheusSettings) -> pl.DataFrame:
    labels = series["metric"]
    missing = [label for label in settings.workload_labels if not labels.get(label)]
    if missing:
        raise InputError(f"the query of {measure} gives a series without the label {missing[0]}: {dict(labels)}.")
    workload = "/".join(labels[label] for label in settings.workload_labels)
    seconds = pl.Series([value[0] for value in series["values"]], dtype=pl.Float64) - settings.step_seconds
    return pl.DataFrame(
        {
            "workload_id": pl.repeat(workload, seconds.len(), dtype=pl.String, eager=True),
            "timestamp": (seconds * 1_000_000).round().cast(pl.Int64).cast(UTC_TIMESTAMP),
            measure: pl.Series([value[1] for value in series["values"]], dtype=pl.String).cast(pl.Float64),
        }
    )


def join_measures(cluster: str, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return one sample a workload and time in SAMPLE_SCHEMA; what a query did not give is null."""
    schema = {name: dtype for name, dtype in SAMPLE_SCHEMA.items() if name != "cluster"}
    rows = pl.concat([pl.DataFrame(schema=schema), *frames], how="diagonal")
    values = [pl.col(name).drop_nulls().first() for name in MEASURES]
    samples = rows.group_by("workload_id", "timestamp").agg(*values).sort("workload_id", "timestamp")
    return samples.with_columns(cluster=pl.lit(cluster)).select(SAMPLE_SCHEMA.names())
