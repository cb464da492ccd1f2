"""Errors a person can act on. Everything else is a defect and keeps its traceback."""


class CloudOptimizerError(Exception):
    """One sentence that names the thing that failed and the way out; the command line exits with 1."""


class InputError(CloudOptimizerError):
    """What the user gave cannot be used: a file, a column, a row, an option; the command line exits with 2."""


class ServiceUnavailable(CloudOptimizerError):  # noqa: N818
    """A server is not there, or went away; nothing was half-done, and the same may be tried again."""
