"""Pure functions on outcomes and predictions: proper scores, calibration, intervals, claims, sample sizes."""
