"""A Prometheus server as a telemetry source, read in bounded slices of time."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl

from cloud_optimizer.core.contracts import SAMPLE_SCHEMA, UTC_TIMESTAMP
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.telemetry.prometheus import (
    PrometheusSettings,
    Slice,
    join_measures,
    read_matrix,
    slices,
)
from cloud_optimizer.resources.telemetry.prometheus_api import PrometheusApi, public_address
from cloud_optimizer.resources.telemetry.spool import SliceSpool

SETTLED_AFTER = timedelta(minutes=10)
"""Age at which a slice is complete: late scrapes and remote writes have arrived."""


def _now() -> datetime:
    return datetime.now(UTC)


class PrometheusSource:
    """Reads a Prometheus server.

    Args:
        settings: Which server, which queries, how gently.
        spool: Folder for slices that were fetched; a read that broke goes on from it. None keeps nothing.
        token: Bearer token, where the server asks for one.
        connect: Opens connections; they are closed after each read. From settings and token by default.
        sleep: Waits between two tries.
        now: The clock.
    """

    name = "prometheus"

    def __init__(
        self,
        settings: PrometheusSettings,
        *,
        spool: Path | None = None,
        token: str | None = None,
        connect: Callable[[], httpx.Client] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self.settings = settings
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connect = connect or (lambda: httpx.Client(headers=headers))
        self._spool = spool
        self._sleep = sleep
        self._now = now

    def clusters(self) -> tuple[str, ...]:
        """Return the cluster of the settings, or the values of the cluster label."""
        if self.settings.cluster_label is None:
            return (self.settings.cluster,)
        start, end = self._range()
        with self._api() as api:
            return api.label_values(self.settings.cluster_label, start.timestamp(), end.timestamp())

    def extent(self, cluster: str) -> tuple[datetime, datetime]:
        """Return the range of the settings; without an end, up to the last midnight."""
        self._require(cluster)
        return self._range()

    def cadence(self, cluster: str) -> timedelta:
        """Return the step of the settings."""
        self._require(cluster)
        return self.settings.step

    def read(self, cluster: str, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the samples of [start, end), slice by slice.

        Raises:
            InputError: The server refuses a query, or an answer cannot be used.
            CloudOptimizerError: The server stays away; slices that were fetched are kept in the spool.
        """
        self._require(cluster)
        spool = self._spool_of(cluster)
        with self._api() as api:
            parts = [self._read_slice(api, cluster, part, spool) for part in slices(start, end, self.settings)]
        samples = pl.concat([SAMPLE_SCHEMA.to_frame(), *parts])
        inside = pl.col("timestamp").is_between(pl.lit(start, UTC_TIMESTAMP), pl.lit(end, UTC_TIMESTAMP), closed="left")
        return samples.filter(inside).sort("workload_id", "timestamp", maintain_order=True)

    def notes(self, cluster: str) -> tuple[str, ...]:
        """Ask for every measure at the end of the range once, and say which ones the server does not have.

        Raises:
            InputError: The server refuses a query.
        """
        end = self.extent(cluster)[1]
        queries = self.settings.query_texts(cluster)
        with self._api() as api:
            answers = {measure: api.query(query, end.timestamp(), measure) for measure, query in queries.items()}
        empty = [measure for measure, answer in answers.items() if not answer.get("result")]
        notes = [f"read from Prometheus at {public_address(self.settings.url)} every {self.settings.step_seconds} s"]
        if empty:
            notes.append(f"no series at {end:%Y-%m-%d %H:%M} UTC for {', '.join(empty)}")
        return tuple(notes)

    @contextmanager
    def _api(self) -> Iterator[PrometheusApi]:
        with self._connect() as client:
            yield PrometheusApi(self.settings, client, self._sleep)

    def _read_slice(self, api: PrometheusApi, cluster: str, part: Slice, spool: SliceSpool | None) -> pl.DataFrame:
        kept = spool.load(part.start, part.end) if spool else None
        if kept is not None:
            return kept
        samples = self._fetch(api, cluster, part)
        if spool and part.end + SETTLED_AFTER <= self._now():
            spool.save(part.start, part.end, samples)
        return samples

    def _fetch(self, api: PrometheusApi, cluster: str, part: Slice) -> pl.DataFrame:
        """Ask for all measures of a slice; a query at time t tells of the interval that ends at t."""
        step = self.settings.step
        first, last = (part.start + step).timestamp(), part.end.timestamp()

        def ask(item: tuple[str, str]) -> pl.DataFrame:
            measure, query = item
            answer = api.query_range(query, first, last, self.settings.step_seconds, measure)
            return read_matrix(answer, measure, self.settings)

        with ThreadPoolExecutor(self.settings.concurrency) as pool:
            try:
                frames = list(pool.map(ask, self.settings.query_texts(cluster).items()))
            finally:
                # After a failure the questions that wait would only fail in their turn.
                pool.shutdown(wait=False, cancel_futures=True)
        return join_measures(cluster, frames)

    def _spool_of(self, cluster: str) -> SliceSpool | None:
        if self._spool is None:
            return None
        identity = [
            public_address(self.settings.url),
            cluster,
            self.settings.step_seconds,
            list(self.settings.workload_labels),
        ]
        return SliceSpool(self._spool, json.dumps([*identity, self.settings.query_texts(cluster)]))

    def _range(self) -> tuple[datetime, datetime]:
        end = self.settings.end or self._now().date()
        return (
            datetime(self.settings.start.year, self.settings.start.month, self.settings.start.day, tzinfo=UTC),
            datetime(end.year, end.month, end.day, tzinfo=UTC),
        )

    def _require(self, cluster: str) -> None:
        if self.settings.cluster_label is None and cluster != self.settings.cluster:
            raise InputError(f"This Prometheus is read as cluster {self.settings.cluster!r}, not {cluster!r}.")
