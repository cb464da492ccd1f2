"""How good forecasts are: metrics, baselines, rolling-origin backtests and paired statistics.

What a forecast costs a decision lives in core.policies; which model is chosen, in core.champion.
"""
