"""Tests of cloud_optimizer.resources.feature_store."""
