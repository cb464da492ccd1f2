"""The simulated fleet as a telemetry source."""

from datetime import datetime, timedelta

import polars as pl

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.simulator.faults import off_period, outage
from cloud_optimizer.core.simulator.fleet import OFF, REGIME_SHIFT, draw_fleet, names_of, workload_facts
from cloud_optimizer.core.simulator.settings import SimulatorSettings
from cloud_optimizer.core.simulator.telemetry import simulate


class SimulatorSource:
    """Reads from the simulated fleet of `settings`; nothing is kept between reads."""

    name = "simulator"

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings

    def clusters(self) -> tuple[str, ...]:
        """Return the simulated clusters."""
        return self.settings.clusters

    def extent(self, cluster: str) -> tuple[datetime, datetime]:
        """Return the simulated range."""
        self._require(cluster)
        return self.settings.begin, self.settings.end

    def cadence(self, cluster: str) -> timedelta:
        """Return the time between two samples of a workload."""
        self._require(cluster)
        return self.settings.cadence

    def read(self, cluster: str, start: datetime, end: datetime) -> pl.DataFrame:
        """Return the samples of [start, end); see simulate."""
        return simulate(self.settings, cluster, start, end)

    def notes(self, cluster: str) -> tuple[str, ...]:
        """Return the story the cluster was given, so that a person can look for it in the results."""
        self._require(cluster)
        gap, off = outage(self.settings, cluster), off_period(self.settings)
        shifted, switched_off = names_of(draw_fleet(self.settings, cluster), (REGIME_SHIFT, OFF))
        return (
            f"simulated with seed {self.settings.seed}",
            f"no samples from {gap.start:%Y-%m-%d %H:%M} to {gap.end:%Y-%m-%d %H:%M} UTC (outage)",
            f"{switched_off} is off from {off.start:%Y-%m-%d %H:%M} to {off.end:%Y-%m-%d %H:%M} UTC",
            f"{shifted} changes regime after two thirds of the range",
        )

    def facts(self, cluster: str) -> pl.DataFrame:
        """Return service, owner and slo_class of the simulated workloads."""
        self._require(cluster)
        rows = workload_facts(cluster, self.settings.workloads_per_cluster)
        return pl.DataFrame(rows).with_columns(cluster=pl.lit(cluster))

    def _require(self, cluster: str) -> None:
        if cluster not in self.settings.clusters:
            raise InputError(f"the simulator has no cluster {cluster!r}, it has {', '.join(self.settings.clusters)}")
