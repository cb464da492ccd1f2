"""Demand forecasting: the model contract, the models, their design matrices and their calibration."""
