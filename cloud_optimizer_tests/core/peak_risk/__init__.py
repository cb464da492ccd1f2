"""Tests of core.peak_risk."""
