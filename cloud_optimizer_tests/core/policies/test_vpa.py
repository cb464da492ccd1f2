"""The Vertical Pod Autoscaler: the published numbers, by hand."""

from datetime import timedelta

import numpy as np
import pytest

from cloud_optimizer.core.policies.histogram import Histogram
from cloud_optimizer.core.policies.vpa import VerticalPodAutoscaler, confidence_of, estimate, out_of_memory_sample
from cloud_optimizer_tests.core.policies.fleet import data_of, history_of

MINUTES = timedelta(minutes=5)


def test_steady_core_gives_the_published_target() -> None:
    history = history_of(data_of(np.full(288, 1.0), step=MINUTES), [288])
    # P90 = end of bucket 36 = 1.016281; * 1.15 = 1.16872, up to a millicore 1.169
    assert VerticalPodAutoscaler().plan(history).target[0, 0] == pytest.approx(1.169)


def test_memory_bucket_20_gives_the_published_target() -> None:
    histogram = Histogram.empty(1, "memory")
    histogram.add(np.array([[3.2e8]]), np.ones(1))  # ln(3.2e8*.05/1e7 + 1)/ln 1.05 = 19.6, bucket 19
    # its end is bucket 20's start = 1e7 * (1.05^20 - 1)/.05 = 330,659,541; * 1.15 = 380,258,472
    assert estimate(histogram, np.ones(1), "memory").target[0] == 380_258_472


def test_bounds_widen_with_little_confidence() -> None:
    histogram = Histogram.empty(1, "cpu")
    histogram.add(np.array([[1.0]]), np.ones(1))
    result = estimate(histogram, np.array([0.5]), "cpu")
    assert result.upper[0] == pytest.approx(3.507)  # 1.16872 * (1 + 1/.5) = 3.50617
    assert result.lower[0] == pytest.approx(1.165)  # 1.16872 * (1 + .001/.5)^-2 = 1.16406


def test_recommendation_is_never_below_25_millicores_and_250_mebibytes() -> None:
    for resource, smallest in (("cpu", 0.025), ("memory", 250 * 2**20)):
        histogram = Histogram.empty(1, resource)  # type: ignore[arg-type]
        histogram.add(np.array([[1e-6]]), np.ones(1))
        assert estimate(histogram, np.ones(1), resource).target[0] == pytest.approx(smallest)  # type: ignore[arg-type]


def test_confidence_is_the_smaller_of_lifespan_and_samples() -> None:
    data = data_of(np.ones(10), step=MINUTES)
    # 144 five-minute samples are 720 minutes: half a day; over two days of life
    assert confidence_of(np.array([144.0]), np.array([2.0]), data)[0] == pytest.approx(0.5)
    assert confidence_of(np.array([1440.0]), np.array([2.0]), data)[0] == pytest.approx(2.0)


def test_yesterday_weighs_half() -> None:
    # a day at 2 cores, then a day idle: weights 1 to 2 between the days, so the 2 cores are 1/3 of the weight
    # and P90 is still theirs; after four idle days they are about 1/31 and it is not
    usage = np.concatenate([np.full(288, 2.0), np.full(288 * 4, 0.001)])
    plan = VerticalPodAutoscaler().plan(history_of(data_of(usage, step=MINUTES), [576, 1440]))
    assert plan.target[0, 0] > 2.0
    assert plan.target[0, 1] == pytest.approx(0.025)


def test_memory_takes_one_peak_a_day_and_the_day_in_progress() -> None:
    usage = np.full(48, 3.2e8)
    usage[30] = 3.2e9
    plan = VerticalPodAutoscaler().plan(history_of(data_of(usage), [24, 30, 31], "memory"))
    assert plan.target[0, 0] == plan.target[0, 1] == 380_258_472
    assert plan.target[0, 2] > 3.2e9  # today's peak counts as soon as it is seen, and weighs double


def test_streaming_in_pieces_equals_streaming_at_once() -> None:
    usage = np.random.default_rng(0).lognormal(0, 1, (2, 24 * 5))
    for resource in ("cpu", "memory"):
        scaled = data_of(usage * (1.0 if resource == "cpu" else 1e9))
        often = VerticalPodAutoscaler().plan(history_of(scaled, [7, 24, 31, 48, 100], resource))  # type: ignore[arg-type]
        once = VerticalPodAutoscaler().plan(history_of(scaled, [100], resource))  # type: ignore[arg-type]
        np.testing.assert_allclose(often.target[:, -1], once.target[:, 0])


def test_out_of_memory_leaves_a_larger_sample() -> None:
    # 1 GB: + 100 MiB is 1.105 GB, * 1.2 is 1.2 GB; 100 MB: + 100 MiB is 204.9 MB
    np.testing.assert_allclose(
        out_of_memory_sample(np.array([0.5e9, 1e8]), np.array([1e9, 5e7])), [1.2e9, 1e8 + 100 * 2**20]
    )
