"""Our tests of significance against those of SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from expectations.significance import (
    kolmogorov_smirnov_distance,
    kolmogorov_smirnov_p_value,
    same_shares_p_value,
    these_shares_p_value,
)


@pytest.mark.parametrize("seed", range(20))
def test_the_distance_of_distributions_is_that_of_scipy(seed: int) -> None:
    """With ties, samples of one value, and samples of other sizes."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 400, 2)
    values, reference = (random.normal(0.3 * index, 1, n).round(1) for index, n in enumerate(sizes))
    expected = stats.ks_2samp(values, reference, method="asymp")
    distance = kolmogorov_smirnov_distance(values, reference)
    assert distance == pytest.approx(expected.statistic, abs=1e-12)
    size = float(np.prod(sizes) / sizes.sum())
    p_value = kolmogorov_smirnov_p_value(distance, size)
    assert p_value == pytest.approx(stats.kstwobign.sf(distance * np.sqrt(size)), rel=1e-9)


def test_a_value_that_neither_sample_has_tells_nothing() -> None:
    """SciPy refuses such a table."""
    now, before = np.array([30, 0, 2]), np.array([10, 0, 22])
    expected = stats.chi2_contingency([now[[0, 2]], before[[0, 2]]]).pvalue
    assert same_shares_p_value(now, before) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shares", [2, 3, 10, 200])
@pytest.mark.parametrize("seed", range(5))
def test_the_p_values_of_shares_are_those_of_scipy(shares: int, seed: int) -> None:
    """Two shares have Yates' correction; equal samples a p-value of 1."""
    random = np.random.default_rng(seed)
    now, before = random.integers(0, 50, (2, shares)) + np.array([[1], [0]])
    table = np.stack([now, before])
    expected = stats.chi2_contingency(table).pvalue
    assert same_shares_p_value(now, before) == pytest.approx(expected, rel=1e-9)
    assert same_shares_p_value(now, now) == pytest.approx(1)
    given = (before + 1) / (before + 1).sum()
    expected = stats.chisquare(now, given * now.sum()).pvalue
    assert these_shares_p_value(now, given) == pytest.approx(expected, rel=1e-9)
