"""The histogram of the Vertical Pod Autoscaler, by hand."""

import numpy as np
import pytest

from cloud_optimizer.core.policies.histogram import BUCKETS, Histogram, bucket_of, bucket_start


def test_buckets_grow_by_five_percent() -> None:
    # 0.01, then + 0.01 * 1.05: starts 0, 0.01, 0.0205
    np.testing.assert_allclose(bucket_start(np.array([0, 1, 2]), 0.01), [0.0, 0.01, 0.0205])


def test_one_core_falls_in_bucket_36() -> None:
    # ln(1 * 0.05 / 0.01 + 1) / ln 1.05 = 1.7918 / 0.04879 = 36.7
    assert bucket_of(np.array([1.0, 0.005, 0.0]), 0.01).tolist() == [36, 0, 0]


def test_values_beyond_the_last_bucket_fall_into_it() -> None:
    assert bucket_of(np.array([1e9]), 0.01).tolist() == [BUCKETS - 1]


def test_percentile_is_the_end_of_the_bucket_without_interpolation() -> None:
    histogram = Histogram.empty(1, "cpu")
    histogram.add(np.array([[0.005, 0.005, 0.005, 1.0]]), np.ones(4))
    assert histogram.percentile(0.75)[0] == pytest.approx(0.01)  # three of four in bucket 0, which ends at 0.01
    assert histogram.percentile(0.76)[0] == pytest.approx(1.01628, abs=1e-5)  # 0.01 * (1.05^37 - 1) / 0.05


def test_last_bucket_answers_with_its_start() -> None:
    histogram = Histogram.empty(1, "cpu")
    histogram.add(np.array([[1e9]]), np.ones(1))
    assert histogram.percentile(0.9)[0] == pytest.approx(float(bucket_start(BUCKETS - 1, 0.01)))


def test_later_samples_count_for_more_after_decay() -> None:
    histogram = Histogram.empty(1, "cpu")
    histogram.add(np.array([[1.0]]), np.ones(1))
    histogram.decay(0.5)
    histogram.add(np.array([[0.005]]), np.ones(1))
    assert histogram.percentile(0.66)[0] == pytest.approx(0.01)  # 1 of 1.5 is .667
    assert histogram.percentile(0.67)[0] == pytest.approx(1.01628, abs=1e-5)


def test_empty_histogram_and_gaps_give_no_percentile() -> None:
    histogram = Histogram.empty(2, "memory")
    histogram.add(np.array([[np.nan], [1e9]]), np.ones(1))
    assert np.isnan(histogram.percentile(0.9)[0])
    assert np.isfinite(histogram.percentile(0.9)[1])
