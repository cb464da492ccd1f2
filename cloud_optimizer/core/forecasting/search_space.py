"""Which hyper-parameters of a family are worth searching, and where; the defaults are good without a search."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Span:
    """Values of one hyper-parameter.

    Args:
        low: Smallest value.
        high: Largest value.
        whole: Only whole numbers.
        log: Even on a logarithmic scale.
    """

    low: float
    high: float
    whole: bool = False
    log: bool = False


_SHARE: Final = Span(0.2, 1.0)
_RATE: Final = Span(0.02, 0.4, log=True)

SEARCH_SPACES: Final[Mapping[str, Mapping[str, Span]]] = {
    "lightgbm": {
        "num_iterations": Span(20, 200, whole=True, log=True),
        "learning_rate": _RATE,
        "num_leaves": Span(4, 63, whole=True, log=True),
        "min_data_in_leaf": Span(20, 600, whole=True, log=True),
        "feature_fraction": _SHARE,
        "bagging_fraction": Span(0.2, 0.95),
        "lambda_l2": Span(0.001, 10.0, log=True),
    },
    "xgboost": {
        "num_boost_round": Span(20, 200, whole=True, log=True),
        "eta": _RATE,
        "max_leaves": Span(4, 63, whole=True, log=True),
        "min_child_weight": Span(20, 600, log=True),
        "colsample_bytree": _SHARE,
        "subsample": Span(0.3, 1.0),
        "lambda": Span(0.001, 10.0, log=True),
    },
    "catboost": {
        "iterations": Span(20, 250, whole=True, log=True),
        "learning_rate": _RATE,
        "depth": Span(2, 6, whole=True),
        "rsm": _SHARE,
        "subsample": Span(0.3, 1.0),
        "l2_leaf_reg": Span(0.5, 20.0, log=True),
    },
    "lstm": {"hidden": Span(16, 64, whole=True, log=True), "learning_rate": Span(0.0005, 0.01, log=True)},
    "gru": {"hidden": Span(16, 64, whole=True, log=True), "learning_rate": Span(0.0005, 0.01, log=True)},
}
"""Family to hyper-parameter to values; a family that is missing has nothing to search."""
