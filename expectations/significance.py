"""Tests of whether two samples differ, by the special functions of SciPy.

Its statistics, `scipy.stats`, have the same tests, but take a second to import, in which a gate on
a small folder has long judged everything else.
"""

from __future__ import annotations

import numpy as np
from scipy import special


def kolmogorov_smirnov_distance(values: np.ndarray, reference: np.ndarray) -> float:
    """Return the largest difference of two empirical distributions, as `scipy.stats.ks_2samp`.

    Args:
        values: (n,) floats, none of them NaN.
        reference: (m,) floats, none of them NaN.
    """
    everything = np.concatenate([values, reference])
    shares = [
        np.searchsorted(np.sort(each), everything, side="right") / len(each)
        for each in (values, reference)
    ]
    return float(np.abs(shares[0] - shares[1]).max())


def kolmogorov_smirnov_p_value(distance: float, size: float) -> float:
    """Return the asymptotic p-value of a distance.

    Args:
        distance: between the distributions of two samples.
        size: n * m / (n + m) of samples of n and m values.
    """
    return float(special.kolmogorov(distance * np.sqrt(size)))


def same_shares_p_value(now: np.ndarray, before: np.ndarray) -> float:
    """Return the p-value of two samples having the same shares, by a chi-square test.

    As `scipy.stats.chi2_contingency`, with Yates' correction where there are two shares.

    Args:
        now: (k,) counts.
        before: (k,) counts. What is 0 in both tells nothing.
    """
    table = np.stack([now, before])
    table = table[:, table.sum(axis=0) > 0]
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    difference = np.abs(table - expected)
    freedom = table.shape[1] - 1
    if freedom == 1:
        difference = np.maximum(difference - 0.5, 0)
    return float(special.chdtrc(freedom, (difference**2 / expected).sum()))


def these_shares_p_value(counts: np.ndarray, shares: np.ndarray) -> float:
    """Return the p-value of a sample having given shares, as `scipy.stats.chisquare`.

    Args:
        counts: (k,) counts.
        shares: (k,) shares, which sum up to 1; none is 0.
    """
    expected = shares * counts.sum()
    return float(special.chdtrc(len(counts) - 1, ((counts - expected) ** 2 / expected).sum()))
