"""Benchmarks of the platform, each beside a peer or a limit: `python -m benchmarks [NAMES] [--quick]`."""
