-- Feast keeps its registry and its online store in a schema of its own; it creates the tables.
CREATE SCHEMA IF NOT EXISTS feast;
