"""Fitting: the candidates, how one is chosen and calibrated, and the estimator that goes into use."""
