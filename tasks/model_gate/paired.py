"""Two models' answers to the same images go in; how they compare comes out.

Only the images that one model classifies correctly and the other one does not say anything about
the difference: `losses` that only the champion gets right, `gains` that only the challenger does.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from scipy.optimize import brentq
from scipy.stats import binomtest, norm

if TYPE_CHECKING:
    from collections.abc import Callable

# Counts move in whole steps, the score's normal distribution does not. With half a step at the
# interval's ends, a model that is worse by the margin is promoted in at most 2.5% of all cases:
# computed exactly in docs/model-gate.md; without it in up to 3.0%.
HALF_STEP = 0.5
# No test set grows by more than this because a message says so.
LARGEST_FACTOR = 1_000


class Answer(StrEnum):
    """What a comparison says about the challenger."""

    BETTER = "better"
    WORSE = "worse"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Counts:
    """How two models answered the same images.

    Attributes:
        images: distinct test images, by content.
        losses: those that only the champion classifies correctly.
        gains: those that only the challenger classifies correctly.
    """

    images: int
    losses: int
    gains: int

    @property
    def difference(self) -> float:
        """Accuracy of the challenger minus that of the champion, in [-1, 1]."""
        return (self.gains - self.losses) / self.images


@dataclass(frozen=True)
class Comparison:
    """A paired comparison of challenger and champion.

    Attributes:
        images: distinct test images, by content.
        losses: those that only the champion classifies correctly.
        gains: those that only the challenger classifies correctly.
        difference: accuracy of the challenger minus that of the champion.
        low: lower end of its interval (Tango's score interval, with half a step of continuity).
        high: upper end.
        confidence_level: of that interval.
        p_value: of the exact McNemar test that both models are equally accurate.
        margin: the largest loss of accuracy that counts as no loss.
        answer: better or worse by the exact test; otherwise cannot_tell.
        within_margin: whether the interval excludes a loss beyond the margin.
        images_to_decide: about how many more images would exclude such a loss, or prove the
            challenger worse, at the same rates; 0 if it is decided, None if no number would.
    """

    images: int
    losses: int
    gains: int
    difference: float
    low: float
    high: float
    confidence_level: float
    p_value: float
    margin: float
    answer: Answer
    within_margin: bool
    images_to_decide: int | None


def compare_paired(counts: Counts, *, margin: float, confidence_level: float) -> Comparison:
    """Compare two models by the images on which they disagree.

    Args:
        counts: the images.
        margin: the largest loss of accuracy that counts as no loss, in [0, 1).
        confidence_level: of the interval; its complement is the level of the exact test.

    Raises:
        ValueError: the counts contradict each other.
    """
    if counts.images < 1 or min(counts.losses, counts.gains) < 0:
        raise ValueError(f"not the counts of a test set: {counts}")
    if counts.losses + counts.gains > counts.images:
        raise ValueError(f"more disagreements than images: {counts}")
    low, high = tango_interval(counts, confidence_level, continuity=HALF_STEP)
    return Comparison(
        images=counts.images,
        losses=counts.losses,
        gains=counts.gains,
        difference=counts.difference,
        low=low,
        high=high,
        confidence_level=confidence_level,
        p_value=exact_mcnemar(counts),
        margin=margin,
        answer=answer_of(counts, confidence_level),
        within_margin=excludes_loss(counts, margin, confidence_level),
        images_to_decide=_images_to_decide(counts, margin, confidence_level),
    )


def answer_of(counts: Counts, confidence_level: float) -> Answer:
    """Return what the exact test says about the challenger."""
    if exact_mcnemar(counts) >= 1 - confidence_level:
        return Answer.CANNOT_TELL
    return Answer.BETTER if counts.gains > counts.losses else Answer.WORSE


def excludes_loss(counts: Counts, margin: float, confidence_level: float) -> bool:
    """Return whether the interval excludes a loss of accuracy beyond the margin."""
    # The same as comparing the interval's lower end, without searching for it.
    return _score(counts, -margin, -HALF_STEP) > _quantile(confidence_level)


def exact_mcnemar(counts: Counts) -> float:
    """Return the p-value of the exact McNemar test: of the disagreements, half go either way.

    McNemar, Q. (1947), Psychometrika 12, 153-157; the exact form is a binomial test.
    """
    disagreements = counts.losses + counts.gains
    if disagreements == 0:
        return 1.0
    return float(binomtest(counts.gains, disagreements, 0.5).pvalue)


def tango_interval(
    counts: Counts, confidence_level: float, *, continuity: float = 0.0
) -> tuple[float, float]:
    """Return the score interval of the difference of two paired proportions.

    Tango, T. (1998), Statistics in Medicine 17, 891-908.

    Args:
        counts: the images.
        confidence_level: in (0, 1).
        continuity: images by which the observed difference is moved towards each end.

    Returns:
        The two ends, in [-1, 1].
    """
    quantile = _quantile(confidence_level)

    def excess(difference: float) -> float:
        return _score(counts, difference, -continuity) - quantile

    def deficit(difference: float) -> float:
        return _score(counts, difference, continuity) + quantile

    return _root(excess, at_end=-1.0), _root(deficit, at_end=1.0)


@functools.cache
def _quantile(confidence_level: float) -> float:
    return float(norm.ppf((1 + confidence_level) / 2))


def _score(counts: Counts, difference: float, shift: float) -> float:
    """Return the score statistic of a hypothetical difference; it falls as the difference rises.

    The variance is that of the most likely share of losses if the difference were the true one.
    """
    images, losses, gains = counts.images, counts.losses, counts.gains
    linear = (2 * images - gains + losses) * difference - (losses + gains)
    constant = losses * difference * (1 - difference)
    root = math.sqrt(max(linear**2 + 8 * images * constant, 0.0))
    share = (root - linear) / (4 * images)
    variance = images * (2 * share + difference * (1 - difference))
    excess = gains - losses - images * difference + shift
    if variance <= 0:
        return math.copysign(math.inf, excess) if excess else 0.0
    return excess / math.sqrt(variance)


def _root(function: Callable[[float], float], *, at_end: float) -> float:
    """Return where a falling function is zero; the end of [-1, 1] if it is nowhere."""
    edge = 1 - 1e-12
    if function(-edge) <= 0 or function(edge) >= 0:
        return at_end
    return float(brentq(function, -edge, edge, xtol=1e-10))


def _decides(counts: Counts, margin: float, confidence_level: float) -> bool:
    answer = answer_of(counts, confidence_level)
    return answer is not Answer.CANNOT_TELL or excludes_loss(counts, margin, confidence_level)


def _images_to_decide(counts: Counts, margin: float, confidence_level: float) -> int | None:
    """Return how many more images decide if they show the same rates of losses and gains."""

    def decided_by(images: int) -> bool:
        factor = images / counts.images
        grown = Counts(images, round(counts.losses * factor), round(counts.gains * factor))
        return _decides(grown, margin, confidence_level)

    low, high = counts.images, counts.images
    if decided_by(high):
        return 0
    while not decided_by(high):
        if high > counts.images * LARGEST_FACTOR:
            return None
        low, high = high, high * 2
    # Rounded counts make the edge ragged by an image or two; the answer is an estimate anyway.
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided_by(middle) else (middle, high)
    return high - counts.images
