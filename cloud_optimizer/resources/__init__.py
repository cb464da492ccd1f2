"""The outside world behind narrow classes: the warehouse, telemetry, the feature store, models, drift reports."""
