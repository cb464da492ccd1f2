"""A store that does not answer is one clear sentence within seconds."""

import time

import pytest

from cloud_optimizer.core.errors import CloudOptimizerError
from cloud_optimizer.resources.model_registry import MlflowUnavailable, ModelRegistry


@pytest.mark.parametrize(
    "tracking_uri",
    [
        "postgresql+psycopg2://postgres:secret@127.0.0.1:1/mlflow",
        "postgresql+psycopg2://postgres@/mlflow?host=/nowhere",
        "http://127.0.0.1:1",
        "mlruns",
    ],
)
def test_a_store_that_does_not_answer_is_named_at_once(tracking_uri: str) -> None:
    start = time.monotonic()
    with pytest.raises(MlflowUnavailable, match="CLOUD_OPTIMIZER_MLFLOW_TRACKING_URI") as caught:
        _ = ModelRegistry(tracking_uri, "file:///nowhere").client
    assert time.monotonic() - start < 10
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value, CloudOptimizerError)
