"""Redis as the online store: Feast's configuration of it, and its errors in words. Feast itself reads and writes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from cloud_optimizer.core.errors import CloudOptimizerError, InputError

_FORM: Final = "redis://[user:password@]host[:port][/database], or rediss:// for TLS"
_SECONDS: Final = 5.0  # until a server that does not answer counts as away


def redis_store(url: str) -> dict[str, Any]:
    """Return Feast's online store configuration of a Redis server.

    Feast leaves a row alone that is as old as the stored one, so a corrected row would never arrive: the comparison is
    switched off there and made by `Catalogue.write_online`.

    Args:
        url: Address, `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS.

    Raises:
        InputError: The address cannot be used, or the Redis client is not installed.
    """
    if find_spec("redis") is None:
        raise InputError("Redis as the online store needs its client: pip install 'cloud-optimizer[redis]'.")
    try:
        parts = urlsplit(url)
        host, port, database = parts.hostname, parts.port or 6379, int(parts.path.strip("/") or 0)
    except ValueError as error:
        raise InputError(f"The address of Redis cannot be read: write {_FORM}.") from error
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme not in ("redis", "rediss") or not host or ":" in host:
        raise InputError(f"The address of Redis cannot be used: write {_FORM}.")
    if "," in user + password:
        raise InputError("The user or the password of Redis holds a comma, which ends it for Feast: choose another.")
    options: dict[str, Any] = {"db": database, "ssl": parts.scheme == "rediss", "username": user, "password": password}
    options |= {"socket_timeout": _SECONDS, "socket_connect_timeout": _SECONDS}
    given = [f"{name}={json.dumps(value)}" for name, value in options.items() if value]
    return {"type": "redis", "connection_string": ",".join([f"{host}:{port}", *given]), "skip_dedup": True}


@contextmanager
def redis_expected(address: str) -> Iterator[None]:
    """Say in one sentence that the server at `address` (without secrets) did not answer or refused."""
    from redis.exceptions import RedisError

    try:
        yield
    except RedisError as error:
        raise CloudOptimizerError(f"The online feature store at Redis {address} cannot be used: {error}") from error
