"""The registry keeps what it promises to code, store and documentation."""

from datetime import timedelta

from cloud_optimizer.core.features.registry import BUILT, FEATURES, FEATURES_BY_NAME, OBSERVATIONS, WARMUP
from cloud_optimizer.core.features.spec import GROUPS


def test_at_least_150_features_are_built_in_every_group():
    assert len(BUILT) >= 150
    assert {spec.group for spec in BUILT} == set(GROUPS)


def test_names_are_unique_and_sources_stand_before_what_is_made_of_them():
    assert len(FEATURES_BY_NAME) == len(FEATURES)
    known = {"timestamp", *OBSERVATIONS}
    for spec in FEATURES:
        assert set(spec.sources) <= known, spec.name
        known.add(spec.name)


def test_every_feature_has_a_unit_and_a_sentence():
    for spec in FEATURES:
        assert spec.unit, spec.name
        assert spec.description.endswith("."), spec.name


def test_the_warm_up_is_the_longest_window():
    assert timedelta(days=14) == WARMUP
