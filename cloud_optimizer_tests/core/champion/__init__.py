"""Tests of core.champion."""
