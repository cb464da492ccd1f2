"""The Pandera contract sees every way to break the clean grid."""

import polars as pl
import pytest
from pandera.errors import SchemaErrors

from cloud_optimizer.core.validation import validate
from cloud_optimizer.core.validation.contract import clean_contract
from cloud_optimizer_tests.core.validation.telemetry import END, START, full_day

CLEAN = validate(full_day().filter(pl.col("timestamp").dt.hour() != 3), START, END).clean
FIRST_ON = (pl.col("workload_id") == "w1") & (pl.col("timestamp") == START)
GAP = pl.col("state") == "gap"


def broken(row: pl.Expr, **values: object) -> pl.DataFrame:
    return CLEAN.with_columns(
        [
            pl.when(row).then(pl.lit(value, CLEAN.schema[name])).otherwise(name).alias(name)
            for name, value in values.items()
        ]
    )


def test_validated_frames_keep_the_contract() -> None:
    clean_contract().validate(CLEAN, lazy=True)


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        (broken(FIRST_ON, cpu_usage_cores=-1.0), "greater_than_or_equal_to"),
        (broken(FIRST_ON, memory_usage_bytes=float("inf")), "finite"),
        (broken(FIRST_ON, error_ratio=1.2), "less_than_or_equal_to"),
        (broken(FIRST_ON, sample_count=0), "a gap holds no sample"),
        (broken(GAP, cpu_capacity_cores=4.0), "a gap holds no value"),
        (broken(FIRST_ON, state="off", cpu_usage_cores=None), "off means capacity 0"),
        (broken(FIRST_ON, state="off", cpu_capacity_cores=0.0), "off means no usage"),
        (broken(FIRST_ON, cpu_usage_cores=None), "on says something about usage"),
        (broken(FIRST_ON, cpu_capacity_cores=0.0), "on never means capacity 0"),
        (broken(FIRST_ON, cpu_usage_peak_cores=0.5), "a peak is not below its mean"),
        (pl.concat([CLEAN, CLEAN[:1]]), "not unique"),
        (CLEAN.drop("replicas"), "replicas"),
    ],
)
def test_each_way_to_break_it_is_named(frame: pl.DataFrame, rule: str) -> None:
    with pytest.raises(SchemaErrors, match=rule):
        clean_contract().validate(frame, lazy=True)
