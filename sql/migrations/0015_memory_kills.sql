-- The memory limit that a workload was killed at, told like its other facts: sizes stay above it.

ALTER TABLE workloads ADD COLUMN oom_memory_bytes double precision CHECK (oom_memory_bytes > 0);
COMMENT ON COLUMN workloads.oom_memory_bytes IS 'Limit at which a replica was killed for memory.';
