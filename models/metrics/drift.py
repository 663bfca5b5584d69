"""Has a distribution moved? Bins that no data choose, the index of a shift between two counts, and its sampling limit.

The index is PSI, sum (q - p) ln(q / p) over bins, with its limit under no shift: about chi-squared with bins - 1
degrees of freedom times (1/n + 1/m) (Yurdakul 2018).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import chi2

LEAST_PSI = 0.1
"""Below it no shift is worth a word, however many leads there are."""
LEAST_SHARE = 0.05
"""Neighbouring bins are taken together until they hold this share of both samples."""
MOST_VALUES = 50
"""Of a feature of words so many values are told apart; the others are one bin."""
MISSING, OTHERS = "none", "others"


def count_bins(values: pd.Series) -> dict[str, int]:
    """How many values are in which bin.

    Numbers: tenths below 1, above it half a power of two, so that bins of different days are the same; words: each
    value. What is missing has a bin of its own.
    """
    missing = {MISSING: int(values.isna().sum())} if values.isna().any() else {}
    there = values.dropna()
    if not pd.api.types.is_numeric_dtype(values):
        words = there.astype(str).value_counts()
        rest = int(words.iloc[MOST_VALUES:].sum())
        first = {str(name): int(n) for name, n in words.iloc[:MOST_VALUES].items()}
        return first | ({OTHERS: rest} if rest else {}) | missing
    numbers = there.to_numpy(float)
    size = np.abs(numbers)
    bins = np.where(size < 1, np.floor(10 * size) / 10, 1 + np.floor(2 * np.log2(np.maximum(size, 1))))
    codes, counts = np.unique(np.sign(numbers) * bins, return_counts=True)
    return {f"{code + 0.0:g}": int(n) for code, n in zip(codes, counts, strict=True)} | missing


def bin_words(name: str) -> str:
    """The range of values of a bin of numbers; of words the value itself.

    >>> bin_words("0.3"), bin_words("3"), bin_words("-1"), bin_words("Germany")
    ('0.3 to 0.4', '2 to 2.83', '-1.41 to -1', 'Germany')
    """
    try:
        code = float(name)
    except ValueError:
        return name
    size = abs(code)
    low, high = (size, size + 0.1) if size < 1 else (2 ** ((size - 1) / 2), 2 ** (size / 2))
    return f"{low:.3g} to {high:.3g}" if code >= 0 else f"{-high:.3g} to {-low:.3g}"


def shift(before: Mapping[str, int], now: Mapping[str, int], alpha: float) -> tuple[float, float]:
    """PSI from `before` to `now`, and the value that it exceeds by chance with probability `alpha` where nothing moved.

    NaN and NaN where one of them is empty.
    """
    names = sorted({*before, *now}, key=_in_order)
    p, q = (np.array([of.get(name, 0) for name in names], dtype=float) for of in (before, now))
    if not p.sum() or not q.sum():
        return float("nan"), float("nan")
    group = _merged(p / p.sum() + q / q.sum())
    p, q = (np.bincount(group, weights=of) for of in (p, q))
    shares_p, shares_q = ((of + 0.5) / (of.sum() + 0.5 * len(of)) for of in (p, q))
    index = float(((shares_q - shares_p) * np.log(shares_q / shares_p)).sum())
    sampling = float(chi2.ppf(1 - alpha, len(p) - 1)) if len(p) > 1 else 0.0
    return index, max(LEAST_PSI, sampling * (1 / p.sum() + 1 / q.sum()))


def _in_order(name: str) -> tuple[int, float, str]:
    """Numbers by size, then words."""
    try:
        return 0, float(name), ""
    except ValueError:
        return 1, 0.0, name


def _merged(shares: np.ndarray) -> np.ndarray:
    """The group of each bin; `shares`: those of both samples, added."""
    group, held, number = np.zeros(len(shares), dtype=int), 0.0, 0
    for place, share in enumerate(shares):
        if held >= 2 * LEAST_SHARE:
            number, held = number + 1, 0.0
        group[place] = number
        held += share
    if number and held < 2 * LEAST_SHARE:
        group[group == number] = number - 1
    return group
