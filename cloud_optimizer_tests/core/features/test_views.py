"""How the registry is cut into views and services."""

import numpy as np

from cloud_optimizer.core.features.build import build_features
from cloud_optimizer.core.features.on_demand import INTERACTION_SOURCES, interactions, target_time_features
from cloud_optimizer.core.features.registry import FEATURES
from cloud_optimizer.core.features.views import INTERACTIONS, SERVICES, STORED_VIEWS, TARGET_TIME, VIEW_OF
from cloud_optimizer_tests.core.features.panels import random_panel


def test_every_feature_stands_in_exactly_one_view():
    stored = [spec.name for specs in STORED_VIEWS.values() for spec in specs]
    assert sorted([*stored, *(spec.name for spec in INTERACTIONS)]) == sorted(spec.name for spec in FEATURES)
    assert set(VIEW_OF) == {spec.name for spec in FEATURES} | set(TARGET_TIME)


def test_training_and_inference_serve_every_feature_and_realtime_only_stored_ones():
    everything = {spec.name for spec in FEATURES} | set(TARGET_TIME)
    assert set(SERVICES["cloud_optimizer_training"]) == everything
    assert set(SERVICES["cloud_optimizer_inference"]) == everything
    assert {VIEW_OF[name] for name in SERVICES["cloud_optimizer_realtime"]} <= set(STORED_VIEWS)
    for names in SERVICES.values():
        assert len(set(names)) == len(names)


def test_interactions_of_stored_values_equal_the_built_ones_to_the_last_bit():
    built = build_features(random_panel(2, 400, seed=9))
    sources = {name: built[name][1, 300:] for name in INTERACTION_SOURCES}
    assert all(VIEW_OF[name] in STORED_VIEWS for name in INTERACTION_SOURCES)
    for name, values in interactions(sources).items():
        np.testing.assert_array_equal(values, built[name][1, 300:], err_msg=name)


def test_target_time_features_are_unknown_without_a_time():
    values = target_time_features(np.array(["2024-02-24T06:00", "NaT"], "datetime64[us]"))
    np.testing.assert_array_equal(values["target_hour_of_day"], [6, np.nan])
