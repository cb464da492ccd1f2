"""What a replay runs on: usage and provisioned capacity of one resource on one regular time axis."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cloud_optimizer.core.contracts import DAY, HOUR, Resource
from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.panel import FloatArray, Panel

Cadence = Literal["daily", "hourly"]

PERIOD: dict[Cadence, timedelta] = {"daily": DAY, "hourly": HOUR}

COLUMNS: dict[Resource, tuple[str, str]] = {
    "cpu": ("cpu_usage_cores_mean", "cpu_capacity_cores"),
    "memory": ("memory_usage_bytes_mean", "memory_capacity_bytes"),
}


@dataclass(frozen=True)
class ReplayData:
    """Usage and capacity of n workloads.

    Args:
        usage: Demand, shape [n, T], cores or bytes; NaN is unobserved.
        capacity: Provisioned capacity, shape [n, T], same unit; NaN where unobserved or switched off.
        start: Label of the first slot, UTC.
        step: Length of a slot; it divides an hour.
        workload_ids: Row labels.
    """

    usage: FloatArray
    capacity: FloatArray
    start: datetime
    step: timedelta
    workload_ids: tuple[str, ...]

    @classmethod
    def from_panel(cls, panel: Panel, resource: Resource) -> "ReplayData":
        """Take one resource of a panel; a slot counts where usage is known and capacity is above zero.

        Raises:
            InputError: The panel nowhere has both usage and capacity of the resource, or its step does not divide an
                hour.
        """
        names = COLUMNS[resource]
        missing = [name for name in names if name not in panel.columns]
        if missing:
            raise InputError(f"a replay of {resource} needs the column {missing[0]}: choose data that has it")
        if HOUR % panel.step != timedelta(0):
            raise InputError(f"a replay needs a step that divides an hour, not {panel.step}: roll the data up first")
        usage, capacity = panel[names[0]], panel[names[1]]
        on = np.isfinite(usage) & (np.nan_to_num(capacity) > 0.0)
        if not on.any():
            raise InputError(f"a replay of {resource} needs usage and capacity, and the data nowhere has both")
        hidden = np.float32(np.nan)
        return cls(
            np.where(on, usage, hidden), np.where(on, capacity, hidden), panel.start, panel.step, panel.workload_ids
        )

    @property
    def length(self) -> int:
        """Number of slots T."""
        return int(self.usage.shape[1])

    @property
    def slots_per_hour(self) -> int:
        """Slots in an hour."""
        return HOUR // self.step

    @property
    def slots_per_day(self) -> int:
        """Slots in a day."""
        return DAY // self.step

    def slots(self, length: timedelta) -> int:
        """Return how many whole slots fit in `length`."""
        return length // self.step

    @property
    def slot_of_day(self) -> int:
        """Position of the first slot in its UTC day."""
        midnight = self.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return (self.start - midnight) // self.step

    def day_of_slot(self) -> NDArray[np.intp]:
        """Return the number of the UTC day of every slot, 0 for that of the first, shape [T]."""
        return np.asarray((np.arange(self.length) + self.slot_of_day) // self.slots_per_day, dtype=np.intp)

    def decisions(self, cadence: Cadence, first: int) -> NDArray[np.intp]:
        """Return the slots at which a decision is taken, on whole UTC days or hours, from slot `first` on."""
        period = self.slots(PERIOD[cadence])
        offset = (-self.slot_of_day) % period
        start = offset + -(-(max(first, 0) - offset) // period) * period
        return np.arange(start, self.length, period, dtype=np.intp)

    def scored_from(self, warm_up: timedelta) -> int:
        """Return the first slot of the first whole UTC day after the warm-up.

        Raises:
            InputError: Less than two days are left after the warm-up.
        """
        days = self.decisions("daily", self.slots(warm_up))
        if len(days) < 2:
            held = self.length * self.step
            raise InputError(f"a replay needs {warm_up.days + 3} days of data, and the trace has {held.days}")
        return int(days[0])

    def rows(self, keep: slice | NDArray[np.intp]) -> "ReplayData":
        """Return some of the workloads."""
        labels = tuple(np.asarray(self.workload_ids, dtype=object)[keep])
        return ReplayData(self.usage[keep], self.capacity[keep], self.start, self.step, labels)
