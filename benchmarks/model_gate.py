"""How often does the model gate promote a model that is worse, and one that is as good?

Not simulated but computed: the counts of images that only one model classifies correctly follow a
trinomial distribution, and the rule is asked about every count that can occur. The point rule is
the one of 0.2: promote whatever is no less accurate on the test images.

    python benchmarks/model_gate.py            # the table of docs/model-gate.md
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable

import numpy as np
from scipy.stats import binom

from tasks.config.promotion import PromotionConfig
from tasks.model_gate.paired import Answer, Counts, answer_of, excludes_loss

SETTINGS = PromotionConfig()
SIZES = (200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
DISAGREEMENTS = (0.01, 0.02, 0.05, 0.1, 0.2)
# Of the challenger's true accuracy to the champion's.
DIFFERENCES = (-0.01, -0.005, 0.0, 0.005, 0.01)
# Standard deviations of a count that are looked at; beyond lies less than one in 10^14.
REACH = 8

Rule = Callable[[Counts], bool]


def point_rule(counts: Counts) -> bool:
    """Promote what is no less accurate."""
    return counts.gains >= counts.losses


def gate(counts: Counts) -> bool:
    """Promote what the default policy promotes; without the sentences that go with it."""
    level = SETTINGS.confidence_level
    if excludes_loss(counts, SETTINGS.margin, level):
        return True
    return counts.gains > counts.losses and answer_of(counts, level) is Answer.BETTER


@functools.cache
def fewest_gains(rule: Rule, images: int, losses: int) -> int:
    """Return the fewest gains with which a number of losses is promoted."""
    low, high = -1, images - losses + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rule(Counts(images, losses, middle)) else (middle, high)
    return high


def promotion_rate(rule: Rule, images: int, disagreement: float, difference: float) -> float:
    """Return the probability that a challenger is promoted.

    Args:
        rule: promotes or not.
        images: of the test split.
        disagreement: probability that exactly one of the models is right about an image.
        difference: of the challenger's accuracy to the champion's; no larger than `disagreement`.
    """
    loss, gain = (disagreement - difference) / 2, (disagreement + difference) / 2
    spread = REACH * np.sqrt(images * loss) + REACH
    losses = np.arange(max(0, int(images * loss - spread)), min(images, images * loss + spread) + 1)
    fewest = np.array([fewest_gains(rule, images, int(each)) for each in losses])
    # Given the losses, gains are binomial among the other images.
    enough = binom.sf(fewest - 1, images - losses, gain / (1 - loss))
    return float((binom.pmf(losses, images, loss) * enough).sum())


def rows(images: int) -> list[str]:
    """Return the table's rows of one size: promoted in percent, by the point rule / by the gate."""
    return [
        f"| {images:,} | {disagreement:.0%} | "
        + " | ".join(_cell(images, disagreement, difference) for difference in DIFFERENCES)
        + " |"
        for disagreement in DISAGREEMENTS
    ]


def _cell(images: int, disagreement: float, difference: float) -> str:
    rates = (promotion_rate(rule, images, disagreement, difference) for rule in (point_rule, gate))
    return " / ".join(f"{100 * rate:.1f}" for rate in rates)


def table() -> str:
    """Return the table of docs/model-gate.md."""
    heads = [f"{100 * difference:+.1f}" for difference in DIFFERENCES]
    lines = [
        f"| test images | disagreement | {' | '.join(heads)} |",
        f"|--:|--:|{'--:|' * len(DIFFERENCES)}",
    ]
    lines += [row for images in SIZES for row in rows(images)]
    return "\n".join(lines)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(table())
