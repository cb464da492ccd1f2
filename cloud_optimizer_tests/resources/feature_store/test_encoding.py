"""Keys and values are byte for byte what Feast writes."""

import numpy as np

from cloud_optimizer.resources.feature_store.encoding import decode_floats, encode_floats, entity_key


def test_an_entity_key_is_feasts():
    from feast.infra.key_encoding_utils import serialize_entity_key
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    keys = {"workload_id": "wörk/1", "cluster": ""}
    proto = EntityKey(join_keys=list(keys), entity_values=[Value(string_val=value) for value in keys.values()])
    assert entity_key(keys) == serialize_entity_key(proto, entity_key_serialization_version=3)


def test_values_are_feasts_and_unknown_is_the_empty_message():
    from feast.protos.feast.types.Value_pb2 import Value

    values = np.array([0, -1.5, np.nan, 3e38, -0.0], np.float32)
    messages = encode_floats(values).to_list()
    assert messages == [b"" if np.isnan(v) else Value(float_val=v).SerializeToString() for v in values]
    joined = b"".join(message[1:] for message in messages)
    np.testing.assert_array_equal(decode_floats(joined), values[~np.isnan(values)])
