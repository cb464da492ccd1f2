"""Tests of core.forecasting."""
