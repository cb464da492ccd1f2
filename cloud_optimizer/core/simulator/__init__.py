"""A seeded fleet whose telemetry is a pure function of (seed, cluster, workload, time)."""
