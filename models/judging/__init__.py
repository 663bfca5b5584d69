"""Judging: training and its test on later time, leaks, backtests, what hand-offs are worth, promotion."""
