"""From received samples to features: nothing that happens after a time changes what was known at that time."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cloud_optimizer.core.contracts import HOUR, SAMPLE_SCHEMA
from cloud_optimizer.core.features.build import feature_frame
from cloud_optimizer.core.features.registry import WARMUP
from cloud_optimizer.core.rollup import panel_from_rollup, roll_up
from cloud_optimizer.core.validation import Cadence, validate

FIRST = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 3
STEP = timedelta(minutes=30)
END = FIRST + timedelta(days=DAYS)
CADENCE = Cadence(STEP, regular=True, note="as sent")


def telemetry(seed: int, gap_share: float, off_hours: int) -> pl.DataFrame:
    """Return samples of three workloads with gaps, repeated and misplaced rows, and an off period each."""
    random = np.random.default_rng(seed)
    count = DAYS * 24 * 2
    parts = []
    for workload in "abc":
        off = np.zeros(count, dtype=bool)
        begin = random.integers(0, count)
        off[begin : begin + 2 * off_hours] = True
        usage = np.where(off, 0, random.gamma(2, 1, count))
        measures = {
            "cpu_usage_cores": usage,
            "cpu_capacity_cores": np.where(off, 0, random.choice([4.0, 8.0], count)),
            "memory_usage_bytes": usage * 1e9,
            "memory_capacity_bytes": np.where(off, 0, 64e9),
        }
        times = [
            FIRST + n * STEP + timedelta(seconds=int(late)) for n, late in enumerate(random.integers(0, 900, count))
        ]
        rows = pl.DataFrame({"cluster": "web", "workload_id": workload, "timestamp": times, **measures})
        kept = rows.filter(pl.Series(random.random(count) >= gap_share))
        parts += [kept, kept.sample(fraction=0.1, seed=seed)]  # some samples are sent twice
    samples = pl.concat(parts).sample(fraction=1, shuffle=True, seed=seed)  # they come in any order
    missing = [pl.lit(None, kind).alias(name) for name, kind in SAMPLE_SCHEMA.items() if name not in samples.columns]
    return samples.with_columns(missing).select(SAMPLE_SCHEMA.names()).cast(dict(SAMPLE_SCHEMA))


def disturbed(samples: pl.DataFrame, after: datetime, seed: int) -> pl.DataFrame:
    """Return the samples with those from `after` on lost, changed, or invented."""
    random = np.random.default_rng(seed)
    before = samples.filter(pl.col("timestamp") < after)
    later = samples.filter(pl.col("timestamp") >= after)
    later = later.filter(pl.Series(random.random(later.height) < 0.6, dtype=pl.Boolean))
    factors = pl.Series(random.lognormal(0, 2, later.height))
    later = later.with_columns(pl.col("cpu_usage_cores", "memory_usage_bytes") * factors)
    invented = later.head(20).with_columns(workload_id=pl.lit("new"))
    return pl.concat([invented, later, before])


def features(samples: pl.DataFrame) -> pl.DataFrame:
    validated = validate(samples, FIRST, END, cadence=CADENCE)
    begin = FIRST - WARMUP
    panel = panel_from_rollup(roll_up(validated.clean, HOUR, CADENCE.step), begin, END, HOUR)
    return feature_frame(panel, "web", FIRST, END)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    hour=st.integers(1, DAYS * 24 - 1),
    gap_share=st.sampled_from([0.0, 0.2, 0.8]),
    off_hours=st.sampled_from([0, 5, 40]),
)
def test_no_sample_after_a_time_changes_a_feature_that_was_known_at_it(seed, hour, gap_share, off_hours):
    known = FIRST + hour * HOUR
    samples = telemetry(seed, gap_share, off_hours)
    before = features(samples).filter(pl.col("event_timestamp") <= known)
    after = features(disturbed(samples, known, seed + 1)).filter(pl.col("event_timestamp") <= known)
    assert_frame_equal(after, before, check_exact=True)
