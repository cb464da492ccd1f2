"""One promotion in a process of its own: `python -m ... TRACKING_URI ARTIFACTS CLUSTER DAY MODEL_ID RUN_ID [kill]`.

With `kill` the process sends itself SIGKILL where it would set the first alias: the version is registered by then.
"""

import os
import signal
import sys
from datetime import date
from pathlib import Path

from cloud_optimizer.resources.model_registry import LoggedModel, ModelRegistry


def main(tracking_uri: str, artifacts: str, *rest: str) -> None:
    cluster, day, model_id, run_id, *options = rest
    registry = ModelRegistry(tracking_uri, Path(artifacts))
    if "kill" in options:
        registry.client.set_registered_model_alias = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    registry.promote(cluster, "cpu", LoggedModel(run_id, model_id, "seasonal_naive", "v1"), date.fromisoformat(day))


if __name__ == "__main__":
    main(*sys.argv[1:])
