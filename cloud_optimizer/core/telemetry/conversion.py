"""From the quantities of a file to the measures of the contract: which rule gives each measure, as Polars expressions.

| measure | first rule whose columns are there |
|---|---|
| cpu_capacity_cores | cores; MHz / 2500; 1 where there is a utilization only. 0 where the MHz are 0 (off) |
| cpu_usage_cores | cores; capacity cores x usage MHz / capacity MHz; usage MHz / 2500; utilization x capacity cores |
| cpu_usage_peak_cores | cores; peak utilization x capacity cores |
| memory_usage_bytes | bytes; utilization x capacity |
| any other | its own column |

Worked: 2 cores of together 5852 MHz, usage 87.78 MHz: 2 x 87.78 / 5852 = 0.03 cores.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from cloud_optimizer.core.contracts import MEASURES
from cloud_optimizer.core.telemetry.columns import ColumnPlan, FoundColumn

ASSUMED_CORE_MHZ: Final = 2500.0
"""Clock of a core where a file gives MHz and no core count: that of a common server processor."""


@dataclass(frozen=True)
class Conversion:
    """How a file's rows become samples.

    Args:
        expressions: Measure to expression over the columns of the file; measures the file cannot give are missing.
        notes: The rules that were used, in words.
        unused: Columns of the table that no rule needed.
    """

    expressions: Mapping[str, pl.Expr]
    notes: tuple[str, ...]
    unused: tuple[str, ...]


class _Quantities:
    """The quantities of a file, and which of them a rule asked for."""

    def __init__(self, plan: ColumnPlan, number: Callable[[str], pl.Expr]) -> None:
        self._found = plan.quantities
        self._number = number
        self.used: set[str] = set()
        self.notes: list[str] = []

    def get(self, quantity: str) -> pl.Expr | None:
        if quantity not in self._found:
            return None
        found = self._found[quantity]
        self.used.add(found.column)
        return self._number(found.column) * found.accepted.factor

    def has(self, quantity: str) -> bool:
        return quantity in self._found

    def column(self, quantity: str) -> str:
        return self._found[quantity].column.strip()


def convert(plan: ColumnPlan, number: Callable[[str], pl.Expr]) -> Conversion:
    """Choose the rule of each measure.

    Args:
        plan: Which column is what.
        number: Gives the expression that reads a column as Float64.
    """
    quantities = _Quantities(plan, number)
    cores = _cpu_capacity(quantities)
    memory = quantities.get("memory_capacity_bytes")
    chosen = {
        "cpu_capacity_cores": cores,
        "cpu_usage_cores": _cpu_usage(quantities, cores),
        "cpu_usage_peak_cores": _or_share(quantities, "cpu_usage_peak_cores", "cpu_utilization_peak", cores),
        "memory_capacity_bytes": memory,
        "memory_usage_bytes": _or_share(quantities, "memory_usage_bytes", "memory_utilization", memory),
    }
    chosen |= {measure: quantities.get(measure) for measure in MEASURES if measure not in chosen}
    return Conversion(
        {measure: expression for measure, expression in chosen.items() if expression is not None},
        (*quantities.notes, *_factor_notes(plan, quantities.used)),
        tuple(found.column for found in plan.quantities.values() if found.column not in quantities.used),
    )


def _cpu_capacity(quantities: _Quantities) -> pl.Expr | None:
    cores, mhz = quantities.get("cpu_capacity_cores"), quantities.get("cpu_capacity_mhz")
    if cores is not None and mhz is not None:
        quantities.notes.append(f"a workload is off where {quantities.column('cpu_capacity_mhz')} is 0")
        return pl.when(mhz == 0).then(0.0).otherwise(cores)
    if cores is not None:
        return cores
    if mhz is not None:
        quantities.notes.append(f"no core count: {ASSUMED_CORE_MHZ:g} MHz are taken as one core")
        return mhz / ASSUMED_CORE_MHZ
    if quantities.has("cpu_utilization") and not (quantities.has("cpu_usage_cores") or quantities.has("cpu_usage_mhz")):
        quantities.notes.append("no CPU capacity: each workload is taken as one core, so usage is in shares of it")
        return pl.lit(1.0)
    return None


def _cpu_usage(quantities: _Quantities, capacity: pl.Expr | None) -> pl.Expr | None:
    if quantities.has("cpu_usage_cores") or not quantities.has("cpu_usage_mhz"):
        return _or_share(quantities, "cpu_usage_cores", "cpu_utilization", capacity)
    usage, of = quantities.get("cpu_usage_mhz"), quantities.get("cpu_capacity_mhz")
    cores = quantities.get("cpu_capacity_cores")
    if usage is None or of is None or cores is None:
        quantities.notes.append(f"cpu_usage_cores = usage MHz / {ASSUMED_CORE_MHZ:g}")
        return None if usage is None else usage / ASSUMED_CORE_MHZ
    quantities.notes.append("cpu_usage_cores = cores x usage MHz / capacity MHz; unknown where the capacity is 0")
    return pl.when(of != 0).then(cores * usage / of)


def _or_share(quantities: _Quantities, measure: str, share: str, capacity: pl.Expr | None) -> pl.Expr | None:
    """Return the measure's own column, else utilization x capacity, else None."""
    if quantities.has(measure) or not quantities.has(share):
        return quantities.get(measure)
    part = quantities.get(share)
    if capacity is None or part is None:
        quantities.notes.append(f"{quantities.column(share)}: not used, there is no capacity of which it is a share")
        return None
    quantities.notes.append(f"{measure} = {quantities.column(share)} x capacity")
    return part * capacity


def _factor_notes(plan: ColumnPlan, used: set[str]) -> tuple[str, ...]:
    scaled: dict[str, list[FoundColumn]] = {}
    for found in plan.quantities.values():
        if found.column in used and found.accepted.factor != 1.0:
            scaled.setdefault(found.accepted.unit, []).append(found)
    return tuple(
        f"{', '.join(found.column.strip() for found in columns)}: read as {unit}, times {columns[0].accepted.factor:g}"
        for unit, columns in scaled.items()
    )
