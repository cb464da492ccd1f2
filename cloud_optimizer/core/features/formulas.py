"""Row-wise formulas in float32: the same arithmetic on a panel offline and on a single row online."""

from collections.abc import Mapping

import numpy as np

from cloud_optimizer.core.features.spec import FeatureSpec
from cloud_optimizer.core.panel import FloatArray

ROW_WISE = frozenset({"ratio", "difference", "product", "zscore"})


def row_formula(spec: FeatureSpec, columns: Mapping[str, FloatArray]) -> FloatArray:
    """Compute a row-wise feature from float32 columns of one shape; what cannot be divided is NaN."""
    if spec.transform not in ROW_WISE:
        raise ValueError(f"{spec.name}: {spec.transform} is not a row-wise transform")
    first, second = columns[spec.sources[0]], columns[spec.sources[1]]
    if spec.transform == "ratio":
        return _divide(first, second)
    if spec.transform == "difference":
        return first - second
    if spec.transform == "product":
        return first * second
    return _divide(first - second, columns[spec.sources[2]])


def _divide(top: FloatArray, bottom: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        result = np.divide(top, bottom, dtype=np.float32)
    result[np.isinf(result)] = np.nan  # x / 0 says nothing about x; 0 / 0 is NaN as it is
    return result
