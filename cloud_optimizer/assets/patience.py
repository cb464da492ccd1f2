"""Steps that wait for a server which is being restarted, instead of failing their run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Final, ParamSpec, TypeVar, cast

from dagster import RetryRequested

from cloud_optimizer.resources.postgres.connection import is_service_lost

RETRIES: Final = 2
SECONDS_BETWEEN: Final = 5  # beside those that a lost connection itself is tried again

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def waits_for_services(work: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Have a step run again in a while where a server went away under it; every other error fails it at once.

    Steps replace what they make, so that running one again is safe.
    """
    if isgeneratorfunction(work):

        @wraps(work)
        def generate(*positional: Parameters.args, **named: Parameters.kwargs) -> Iterator[object]:
            with _asked_again():
                yield from cast(Iterator[object], work(*positional, **named))

        return cast(Callable[Parameters, Result], generate)

    @wraps(work)
    def call(*positional: Parameters.args, **named: Parameters.kwargs) -> Result:
        with _asked_again():
            return work(*positional, **named)

    return call


@contextmanager
def _asked_again() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if is_service_lost(error):
            raise RetryRequested(max_retries=RETRIES, seconds_to_wait=SECONDS_BETWEEN) from error
        raise
