"""The bytes that Feast keeps in its online tables: entity keys (serialization version 3) and float values."""

import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from cloud_optimizer.core.panel import FloatArray

_STRING: Final = 2  # feast.types.ValueType.STRING
_FLOAT_TAG: Final = 0x35  # protobuf field 6 (Value.float_val), wire type 5 (four bytes, little endian)
UNKNOWN: Final = struct.pack("<f", np.nan)
"""Stands for an absent value where values are joined to one string of bytes."""


def entity_key(keys: Mapping[str, str]) -> bytes:
    """Return the key of an entity: join keys in order of their names, then their values, each with its length."""
    names = sorted(keys)
    parts = [struct.pack("<I", len(names))]
    for text in (*names, *(keys[name] for name in names)):
        encoded = text.encode()
        parts += [struct.pack("<II", _STRING, len(encoded)), encoded]
    return b"".join(parts)


def encode_floats(values: FloatArray) -> pl.Series:
    """Return each value as the protobuf message `Value`, five bytes; an unknown one is the empty message."""
    known = ~np.isnan(values)
    messages = np.empty((int(known.sum()), 5), dtype=np.uint8)
    messages[:, 0] = _FLOAT_TAG
    messages[:, 1:] = values[known].astype("<f4").view(np.uint8).reshape(-1, 4)
    ends = np.cumsum(known, dtype=np.int64) * messages.shape[1]
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), ends])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(messages)]
    return pl.Series(pa.Array.from_buffers(pa.large_binary(), values.size, buffers))


def decode_floats(joined: bytes) -> NDArray[Any]:
    """Return the values of a string of four-byte floats."""
    return np.frombuffer(joined, dtype="<f4")
