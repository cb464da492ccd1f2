"""A worker on a cheap study in a process of its own: `python -m ... URL STORAGE_URL NAME TRIALS [die-at N]`.

With `die-at N` the process sends itself SIGKILL in the middle of its N-th trial.
"""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from itertools import count

from cloud_optimizer.core.forecasting.search_space import Span
from cloud_optimizer.core.tuning import TuningSettings
from cloud_optimizer.resources.tuning.search import HyperparameterSearch

SPACE = {"rate": Span(0.01, 1.0, log=True), "leaves": Span(2, 40, whole=True)}


def settings(trials: int) -> TuningSettings:
    return TuningSettings(trials=trials, heartbeat_seconds=1, grace_seconds=2)


def cheap(parameters: Mapping[str, float]) -> Iterator[float]:
    """Two windows; best at a rate of .1 and 12 leaves."""
    loss = (parameters["rate"] - 0.1) ** 2 + ((parameters["leaves"] - 12) / 40) ** 2
    yield 1.1 * loss
    yield loss


def main(url: str, storage_url: str, name: str, trials: str, *rest: str) -> None:
    dies_at, started = int(rest[1]) if rest else 0, count(1)

    def objective(parameters: Mapping[str, float]) -> Iterator[float]:
        if next(started) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from cheap(parameters)

    with HyperparameterSearch(url, storage_url, name, SPACE, settings(int(trials))) as search:
        search.work(objective, seconds=60)


if __name__ == "__main__":
    main(*sys.argv[1:])
