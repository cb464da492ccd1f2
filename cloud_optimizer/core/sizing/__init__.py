"""From what demand may do to a capacity: exceedance curves, the priced objective and its calibration."""
