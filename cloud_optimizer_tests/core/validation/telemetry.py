"""Samples to validate: a healthy cluster to break on purpose, and the Bitbrains trace in the sample schema."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from cloud_optimizer.core.contracts import MEASURES, SAMPLE_SCHEMA, UTC_TIMESTAMP

START = datetime(2026, 3, 2, tzinfo=UTC)
END = START + timedelta(days=1)
STEP = timedelta(minutes=5)


def sample(seconds: float, workload_id: str = "w1", **measures: float | None) -> dict[str, object]:
    """Return one sample, `seconds` after START; 1 of 4 cores in use unless told otherwise."""
    values: dict[str, float | None] = {"cpu_usage_cores": 1.0, "cpu_capacity_cores": 4.0, **measures}
    key = {"cluster": "c1", "workload_id": workload_id, "timestamp": START + timedelta(seconds=seconds)}
    return {**dict.fromkeys(MEASURES), **key, **values}


def samples(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SAMPLE_SCHEMA)


def full_day(workload_ids: tuple[str, ...] = ("w1", "w2")) -> pl.DataFrame:
    """Return 288 samples of each workload, on the grid."""
    return samples(*[sample(300 * i, name) for name in workload_ids for i in range(288)])


def bitbrains(folder: Path) -> pl.DataFrame:
    """Return the 20-machine Bitbrains trace as samples: utilization x cores, KB and KB/s to bytes."""
    kilobytes = {
        "memory_usage_bytes": ("memory_usage_kb", 1024),
        "memory_capacity_bytes": ("memory_capacity_kb", 1024),
        "disk_read_bytes_per_second": ("disk_read", 1000),
        "disk_write_bytes_per_second": ("disk_write", 1000),
        "network_receive_bytes_per_second": ("network_in", 1000),
        "network_transmit_bytes_per_second": ("network_out", 1000),
    }
    trace = pl.read_parquet(folder / "bitbrains_rnd_dev.parquet")
    cores = pl.col("cpu_cores").cast(pl.Float64)
    known = trace.select(
        "workload_id",
        cluster=pl.lit("bitbrains"),
        timestamp=pl.col("timestamp").cast(UTC_TIMESTAMP),
        cpu_usage_cores=pl.col("cpu_utilization").cast(pl.Float64) * cores,
        cpu_capacity_cores=cores,
        **{name: pl.col(source).cast(pl.Float64) * factor for name, (source, factor) in kilobytes.items()},
    )
    missing = [pl.lit(None, pl.Float64).alias(name) for name in MEASURES if name not in known.columns]
    return known.with_columns(missing).select(SAMPLE_SCHEMA.names())
