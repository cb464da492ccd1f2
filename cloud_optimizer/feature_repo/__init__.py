"""Feast definitions, generated from the feature registry. Only applying and materializing import them."""
