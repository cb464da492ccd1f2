"""Optuna behind one narrow class: searches for hyper-parameters on PostgreSQL that several processes work on at once.

What a trial is worth and whether the best one may be used is decided in core.tuning.
"""

from cloud_optimizer.resources.tuning.searches import Searches

__all__ = ["Searches"]
