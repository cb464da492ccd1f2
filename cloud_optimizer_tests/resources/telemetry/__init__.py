"""Tests of the telemetry sources."""
