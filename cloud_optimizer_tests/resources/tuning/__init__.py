"""Tests of resources.tuning: Optuna on a real PostgreSQL, workers in processes of their own."""
