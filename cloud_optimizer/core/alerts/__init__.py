"""Alerts: what is worth telling, in which words, and how often. Finding and sending are the parts of others."""
