"""Forecast cloud workload demand with calibrated uncertainty and recommend capacity."""
