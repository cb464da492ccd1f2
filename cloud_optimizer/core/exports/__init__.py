"""Recommendations in the forms other tools read; every format is text made from the records alone."""

from cloud_optimizer.core.exports.formats import FORMATS, export

__all__ = ["FORMATS", "export"]
