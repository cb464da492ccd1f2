"""The output of steps that run in the foreground process: kept for the Dagster UI, quiet when a person presses Ctrl-C.

Dagster copies the output of every step through two helper processes. In a terminal Ctrl-C reaches the whole foreground
group, and each helper would print a traceback beside the one sentence that the command itself says.
"""

import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from dagster._core.storage.compute_log_manager import CapturedLogContext
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._serdes import ConfigurableClassData


class ForegroundComputeLogManager(LocalComputeLogManager):
    """Dagster's local log manager whose helper processes leave Ctrl-C to the command, which ends them."""

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: dict[str, Any]) -> Self:
        """Build it from the configuration of Dagster's own manager; that one would build itself."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Generator[CapturedLogContext]:
        """Copy the output of a step; helpers inherit a blocked SIGINT, this process has it blocked only meanwhile."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            with super().capture_logs(log_key) as captured:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
                yield captured
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
