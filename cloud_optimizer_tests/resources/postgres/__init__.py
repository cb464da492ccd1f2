"""Tests of the embedded server, addresses and migrations."""
