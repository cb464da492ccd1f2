"""The formats by name, and the one function that writes them."""

from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.core.exports.kubernetes import patches, vertical_pod_autoscalers
from cloud_optimizer.core.exports.prometheus import metrics
from cloud_optimizer.core.exports.tables import csv_text, json_text

FORMATS: Final[Mapping[str, Callable[[pl.DataFrame], str]]] = {
    "csv": csv_text,
    "json": json_text,
    "patch": patches,
    "vpa": vertical_pod_autoscalers,
    "prometheus": metrics,
}


def export(recommendations: pl.DataFrame, format_name: str) -> str:
    """Write recommendations as text.

    Args:
        recommendations: Rows in `RECOMMENDATION_SCHEMA`.
        format_name: One of `FORMATS`: csv, json, patch (Kubernetes strategic-merge patches), vpa (VerticalPodAutoscaler
            objects), prometheus (text exposition).

    Raises:
        InputError: There is no such format.
    """
    if format_name not in FORMATS:
        raise InputError(f"There is no export format {format_name}: choose one of {', '.join(FORMATS)}.")
    return FORMATS[format_name](recommendations)
