"""Has a distribution moved? Bins that no data choose, the index of a shift between two counts, and its sampling limit.

The index is PSI, sum (q - p) ln(q / p) over bins, with its limit under no shift: about chi-squared with bins - 1
degrees of freedom times (1/n + 1/m) (Yurdakul 2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import chi2

LEAST_PSI = 0.1
"""Below it no shift is worth a word, however many leads there are."""
LEAST_SHARE = 0.05
"""Bins that hold less than this share of both samples on average are taken together: numbers with their neighbours."""
MOST_VALUES = 50
"""Of a feature of words so many values are told apart; the others are one bin."""
MISSING, OTHERS, WORD = "missing", "others", "="
"""The bin of what is missing, of the other words, and what the bin of a word begins with."""


def count_bins(values: pd.Series) -> dict[str, int]:
    """How many values are in which bin.

    Numbers: tenths below 1, above it half a power of two, so that bins of different days are the same; words: `=` and
    the value. What is missing has a bin of its own.
    """
    missing = {MISSING: int(values.isna().sum())} if values.isna().any() else {}
    there = values.dropna()
    if not pd.api.types.is_numeric_dtype(values):
        words = there.astype(str).value_counts()
        rest = int(words.iloc[MOST_VALUES:].sum())
        first = {f"{WORD}{name}": int(n) for name, n in words.iloc[:MOST_VALUES].items()}
        return first | ({OTHERS: rest} if rest else {}) | missing
    numbers = there.to_numpy(float)
    size = np.abs(numbers)
    bins = np.where(size < 1, np.floor(10 * size) / 10, 1 + np.floor(2 * np.log2(np.maximum(size, 1))))
    codes, counts = np.unique(np.sign(numbers) * bins, return_counts=True)
    return {f"{code + 0.0:g}": int(n) for code, n in zip(codes, counts, strict=True)} | missing


def bin_words(name: str) -> str:
    """What a bin holds: the range of its numbers, or the word.

    >>> bin_words("0.3"), bin_words("3"), bin_words("-1"), bin_words("=80331"), bin_words("missing")
    ('0.3 to 0.4', '2 to 2.83', '-1.41 to -1', '80331', 'missing')
    """
    if name in (MISSING, OTHERS) or name.startswith(WORD):
        return name.removeprefix(WORD)
    code = float(name)
    size = abs(code)
    low, high = (size, size + 0.1) if size < 1 else (2 ** ((size - 1) / 2), 2 ** (size / 2))
    return f"{low:.3g} to {high:.3g}" if code >= 0 else f"{-high:.3g} to {-low:.3g}"


def shift(before: Mapping[str, int], now: Mapping[str, int], alpha: float) -> tuple[float, float]:
    """PSI from `before` to `now`, and the value that it exceeds by chance with probability `alpha` where nothing moved.

    NaN and NaN where one of them is empty.
    """
    names = sorted({*before, *now})
    p, q = (np.array([of.get(name, 0) for name in names], dtype=float) for of in (before, now))
    if not p.sum() or not q.sum():
        return float("nan"), float("nan")
    group = _grouped(names, (p / p.sum() + q / q.sum()) / 2)
    p, q = (np.bincount(group, weights=of) for of in (p, q))
    shares_p, shares_q = ((of + 0.5) / (of.sum() + 0.5 * len(of)) for of in (p, q))
    index = float(((shares_q - shares_p) * np.log(shares_q / shares_p)).sum())
    sampling = float(chi2.ppf(1 - alpha, len(p) - 1)) if len(p) > 1 else 0.0
    return index, max(LEAST_PSI, sampling * (1 / p.sum() + 1 / q.sum()))


def _grouped(names: Sequence[str], shares: np.ndarray) -> np.ndarray:
    """The group of each bin: what is missing alone, rare words together, numbers with their neighbours."""
    numbers = [i for i, n in enumerate(names) if n not in (MISSING, OTHERS) and not n.startswith(WORD)]
    of: dict[int, tuple[int, int]] = {}
    number, held = 0, 0.0
    for place in sorted(numbers, key=lambda i: float(names[i])):
        if held >= LEAST_SHARE:
            number, held = number + 1, 0.0
        of[place] = (0, number)
        held += float(shares[place])
    if number and held < LEAST_SHARE:
        of = {place: (0, min(group, number - 1)) for place, (_, group) in of.items()}
    for place, name in enumerate(names):
        if place not in of:
            rare = name != MISSING and shares[place] < LEAST_SHARE
            of[place] = (2, 0) if rare else (1, place)
    order = {key: i for i, key in enumerate(sorted(set(of.values())))}
    return np.array([order[of[place]] for place in range(len(names))])
