"""Where telemetry comes from: one source a module, all behind `base.TelemetrySource`."""
