"""The contract of the clean grid as a Pandera schema, cross-column rules included.

Validation guarantees it; the contract is the independent proof, and documentation a machine can check.
"""

from typing import TYPE_CHECKING, Any

import polars as pl

from cloud_optimizer.core.contracts import CLEAN_SCHEMA, MEASURES
from cloud_optimizer.core.validation.rules import USAGES
from cloud_optimizer.core.validation.settings import ValidationSettings

if TYPE_CHECKING:
    import pandera.polars as pandera


def clean_contract(settings: ValidationSettings | None = None) -> "pandera.DataFrameSchema":
    """Return the Pandera schema of `CLEAN_SCHEMA` frames; `.validate(frame, lazy=True)` reports every violation."""
    import pandera.polars as pandera

    settings = settings or ValidationSettings()
    columns = {name: _column(name, dtype) for name, dtype in CLEAN_SCHEMA.items()}
    rules = [
        pandera.Check(lambda data, rule=rule: data.lazyframe.select(rule), name=name, error=name)
        for name, rule in cross_column_rules(settings).items()
    ]
    unique = ["cluster", "workload_id", "timestamp"]
    return pandera.DataFrameSchema(columns, checks=rules, strict=True, ordered=True, unique=unique, name="clean")


def cross_column_rules(settings: ValidationSettings) -> dict[str, pl.Expr]:
    """Return what must hold between columns of a row, by name; true where it holds.

    Usage against capacity is judged per sample, not here: a slot averages its samples and keeps the latest capacity.
    """
    on, off, gap = (pl.col("state") == state for state in ("on", "off", "gap"))
    nothing = pl.all_horizontal(pl.col(MEASURES).is_null())
    unused = pl.all_horizontal(pl.col(USAGES).is_null())
    peak, mean = pl.col("cpu_usage_peak_cores"), pl.col("cpu_usage_cores")
    return {
        "a gap holds no sample": gap == (pl.col("sample_count") == 0),
        "a gap holds no value": ~gap | nothing,
        "off means capacity 0": ~off | pl.col("cpu_capacity_cores").eq(0).fill_null(value=False),
        "off means no usage": ~off | unused,
        "on says something about usage": ~on | ~unused,
        "on never means capacity 0": ~on | pl.col("cpu_capacity_cores").ne(0).fill_null(value=True),
        "a peak is not below its mean": (peak >= mean * (1 - settings.peak_tolerance)).fill_null(value=True),
    }


def _column(name: str, dtype: pl.DataType) -> Any:
    import pandera.polars as pandera

    checks = []
    if name in MEASURES:
        checks = [pandera.Check.ge(0), pandera.Check(_finite, name="finite", error="finite")]
    if name == "error_ratio":
        checks.append(pandera.Check.le(1))
    return pandera.Column(dtype, checks=checks, nullable=name in MEASURES)


def _finite(data: Any) -> pl.LazyFrame:
    return data.lazyframe.select(pl.col(data.key).is_finite())  # type: ignore[no-any-return]  # pandera is untyped
