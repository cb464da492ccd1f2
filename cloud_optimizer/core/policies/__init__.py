"""Sizing policies behind one protocol: the named baselines, the oracles, and ours. One policy a file."""
