"""Of a chain of errors a person reads the sentence written for people, else the innermost cause."""

from dagster._utils.error import SerializableErrorInfo

from cloud_optimizer.core.errors import InputError
from cloud_optimizer.resources.postgres.connection import WarehouseUnavailable
from cloud_optimizer.run_errors import telling_error


def told(*errors: Exception) -> str:
    """Chain the errors, the innermost first, as Dagster records them, and return what a person is told."""
    chain = None
    for error in errors:
        chain = SerializableErrorInfo(str(error), [], type(error).__name__, chain)
    assert chain is not None
    return telling_error(chain).message


def test_a_sentence_for_people_is_told_though_its_cause_is_technical() -> None:
    assert told(OSError("errno 111"), InputError("start it"), ValueError("step")) == "start it"
    assert told(OSError("errno 111"), WarehouseUnavailable("run it again"), ValueError("step")) == "run it again"


def test_without_such_a_sentence_the_innermost_cause_is_told() -> None:
    assert told(OSError("errno 111"), ValueError("step")) == "errno 111"
