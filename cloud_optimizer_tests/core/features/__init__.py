"""Tests of cloud_optimizer.core.features."""
