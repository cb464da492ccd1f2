"""Row-wise formulas against hand-computed values."""

import numpy as np
import pytest

from cloud_optimizer.core.features.formulas import row_formula
from cloud_optimizer.core.features.registry import FEATURES_BY_NAME


def column(*values):
    return np.array(values, np.float32)


@pytest.mark.parametrize(
    ("name", "sources", "expected"),
    [
        ("memory_to_cpu_ratio", [column(8, 8, np.nan), column(2, 0, 1)], [4, np.nan, np.nan]),
        ("cpu_headroom_cores", [column(4, np.nan), column(5, 1)], [-1, np.nan]),  # a burst above capacity is negative
        ("cpu_utilization_mean_times_is_weekend", [column(0.5, 0.5), column(0, 1)], [0, 0.5]),
        ("cpu_zscore_24h", [column(5, 5), column(3, 3), column(4, 0)], [0.5, np.nan]),  # (5 - 3) / 4
        ("cpu_variation_7d", [column(3e38), column(1e-3)], [np.nan]),  # too large for float32: says nothing
    ],
)
def test_a_formula_gives_the_hand_computed_value(name, sources, expected):
    spec = FEATURES_BY_NAME[name]
    values = row_formula(spec, dict(zip(spec.sources, sources, strict=True)))
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, column(*expected))


def test_a_windowed_feature_is_no_row_formula():
    with pytest.raises(ValueError, match="not a row-wise transform"):
        row_formula(FEATURES_BY_NAME["cpu_usage_cores_max_lag_1h"], {"cpu_usage_cores_max": column(1)})
