"""Tests of the column mapping and the timestamps of telemetry files."""
