"""The simulator behind the interface of a telemetry source."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud_optimizer.core.contracts import SAMPLE_SCHEMA
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.resources.telemetry.base import TelemetrySource, covering_midnights
from cloud_optimizer.resources.telemetry.simulator import SimulatorSource

SOURCE: TelemetrySource = SimulatorSource(SimulatorSettings(days=3, workloads_per_cluster=5))


def test_it_reads_its_whole_extent_at_its_cadence() -> None:
    start, end = SOURCE.extent("web-prod")
    frame = SOURCE.read("web-prod", start, end)
    assert frame.schema == SAMPLE_SCHEMA
    assert (start, end) == (datetime(2026, 9, 7, tzinfo=UTC), datetime(2026, 9, 10, tzinfo=UTC))
    assert covering_midnights(frame["timestamp"].min(), frame["timestamp"].max()) == (start, end)
    assert frame["timestamp"].diff().mode().item() == SOURCE.cadence("web-prod") == timedelta(minutes=5)


def test_its_notes_tell_the_story_of_the_cluster() -> None:
    outage, off, regime = SOURCE.notes("web-prod")[1:]
    assert "(outage)" in outage
    assert off.startswith("recommendations is off from 2026-09-07")
    assert regime.startswith("checkout changes regime")


def test_a_cluster_it_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="no cluster 'x'"):
        SOURCE.extent("x")


def test_covering_midnights_hold_a_sample_at_midnight() -> None:
    midnight = datetime(2026, 9, 8, tzinfo=UTC)
    assert covering_midnights(midnight, midnight) == (midnight, midnight + timedelta(days=1))
