"""Recommendations in the forms other tools read; every format is text made from the records alone."""
