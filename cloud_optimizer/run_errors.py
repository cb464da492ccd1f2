"""What a person should read of a failed run: the sentence that was written for people, else the innermost cause."""

from collections.abc import Iterator

from dagster._utils.error import SerializableErrorInfo

from cloud_optimizer.core.errors import CloudOptimizerError


def telling_error(error: SerializableErrorInfo) -> SerializableErrorInfo:
    """Return the outermost error of a chain that names the way out, or the innermost one."""
    chain = list(_chain(error))
    for_people = _names(CloudOptimizerError)
    return next((link for link in chain if link.cls_name in for_people), chain[-1])


def _chain(error: SerializableErrorInfo | None) -> Iterator[SerializableErrorInfo]:
    while error is not None:
        yield error
        error = error.cause


def _names(kind: type) -> set[str]:
    return {kind.__name__}.union(*(_names(derived) for derived in kind.__subclasses__()))
