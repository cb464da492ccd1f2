"""A code location for the tests of lost workers: a job that says where it runs and then waits."""

import os
import time
from pathlib import Path

from dagster import Definitions, OpExecutionContext, in_process_executor, job, op


@op(config_schema={"pid_file": str})
def wait(context: OpExecutionContext) -> None:
    Path(context.op_config["pid_file"]).write_text(f"{os.getpid()} {os.getppid()}")
    time.sleep(120)


@job(executor_def=in_process_executor)
def sleeping() -> None:
    """Wait long enough to be killed."""
    wait()


defs = Definitions(jobs=[sleeping])
