"""Tests of resources.model_registry, against MLflow on a real PostgreSQL."""
