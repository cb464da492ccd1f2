"""Tests of drift decisions."""
