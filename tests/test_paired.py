"""Two models on the same images: published tables, three answers, and how often they are wrong."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.model_gate import DISAGREEMENTS, SIZES, gate, point_rule, promotion_rate, rows
from tasks.config.promotion import PromotionConfig
from tasks.errors import PixelgateError
from tasks.model_gate.paired import (
    Answer,
    Comparison,
    Counts,
    compare_paired,
    exact_mcnemar,
    tango_interval,
)
from tasks.model_gate.versus import check_against_champion, count_disagreements

PAGE = (Path(__file__).parents[1] / "docs/model-gate.md").read_text("utf-8")


def compared(images: int, losses: int, gains: int, margin: float = 0.01) -> Comparison:
    """Compare with the default settings."""
    return compare_paired(Counts(images, losses, gains), margin=margin, confidence_level=0.95)


@pytest.mark.parametrize(
    ("counts", "level", "interval"),
    [
        # Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables (2017), chapter
        # 8: complete response (Cavo et al., 2012), airway hyper-responsiveness (Bentur et al.,
        # 2009).
        (Counts(161, losses=16, gains=6), 0.95, (-0.1240, -0.0054)),
        (Counts(21, losses=7, gains=1), 0.95, (-0.517, -0.026)),
        # scoreci.mp(25, 28, 618) of the R package PropCIs.
        (Counts(618, losses=25, gains=28), 0.90, (-0.0148, 0.0247)),
    ],
)
def test_the_interval_is_the_published_one(
    counts: Counts, level: float, interval: tuple[float, float]
) -> None:
    """Tango's, without the half step that the gate adds."""
    assert tango_interval(counts, level) == pytest.approx(interval, abs=6e-4)
    low, high = tango_interval(counts, level, continuity=0.5)
    assert low < interval[0]
    assert high > interval[1]


@pytest.mark.parametrize(
    ("counts", "p_value"),
    [
        # The exact conditional McNemar tests of the same book.
        (Counts(161, losses=16, gains=6), 0.052479),
        (Counts(21, losses=7, gains=1), 0.0703),
        (Counts(100, losses=0, gains=0), 1.0),
    ],
)
def test_the_exact_test_is_the_published_one(counts: Counts, p_value: float) -> None:
    """It looks at nothing but the images on which the models disagree."""
    assert exact_mcnemar(counts) == pytest.approx(p_value, abs=5e-5)


@pytest.mark.parametrize(
    ("images", "losses", "gains", "answer", "within_margin"),
    [
        (359, 5, 4, Answer.CANNOT_TELL, False),
        (359, 0, 0, Answer.CANNOT_TELL, False),
        (1_000, 0, 0, Answer.CANNOT_TELL, True),
        (1_000, 5, 25, Answer.BETTER, True),
        (1_000, 40, 10, Answer.WORSE, False),
        (70_000, 400, 100, Answer.WORSE, True),
        (16, 16, 0, Answer.WORSE, False),
        (16, 0, 16, Answer.BETTER, True),
        (1, 0, 0, Answer.CANNOT_TELL, False),
        (1, 1, 0, Answer.CANNOT_TELL, False),
        (200, 100, 100, Answer.CANNOT_TELL, False),
    ],
)
def test_the_three_answers(
    images: int, losses: int, gains: int, answer: Answer, *, within_margin: bool
) -> None:
    """And whether a loss beyond the margin is excluded, which is another question."""
    result = compared(images, losses, gains)
    assert (result.answer, result.within_margin) == (answer, within_margin)
    assert -1 <= result.low <= result.difference <= result.high <= 1
    assert result.within_margin == (result.low > -0.01)
    mirrored = compared(images, gains, losses)
    assert (mirrored.low, mirrored.high) == pytest.approx((-result.high, -result.low), abs=1e-8)


@pytest.mark.parametrize(
    ("images", "losses", "gains"), [(359, 5, 4), (359, 0, 0), (400, 4, 0), (100, 9, 5), (300, 7, 7)]
)
def test_so_many_more_images_would_decide(images: int, losses: int, gains: int) -> None:
    """At the same rates; and clearly fewer would not."""
    more = compared(images, losses, gains).images_to_decide
    assert more
    for share, decided in ((1.05, True), (0.7, False)):
        total = round(images + share * more)
        factor = total / images
        grown = compared(total, round(losses * factor), round(gains * factor))
        assert (grown.within_margin or grown.answer is not Answer.CANNOT_TELL) == decided


def test_no_number_of_images_decides_between_equals_without_a_margin() -> None:
    """Who wants a better model asks for the impossible of one that is as good."""
    assert compared(500, 10, 10, margin=0).images_to_decide is None
    assert compared(500, 40, 10).images_to_decide == 0


@pytest.mark.parametrize("counts", [Counts(0, 0, 0), Counts(5, 3, 3), Counts(5, -1, 0)])
def test_counts_that_contradict_each_other_are_refused(counts: Counts) -> None:
    """They would give an interval of nonsense."""
    with pytest.raises(ValueError, match=str(counts.losses)):
        compare_paired(counts, margin=0.01, confidence_level=0.95)


@pytest.mark.parametrize("images", SIZES)
def test_a_model_worse_by_the_margin_is_promoted_in_two_of_a_hundred_cases(images: int) -> None:
    """At most 2.5%, at every size and disagreement: computed, so without an error of its own."""
    for disagreement in (0.01, *DISAGREEMENTS, 0.4):
        assert promotion_rate(gate, images, disagreement, -0.01) <= 0.025
    # Better models still come through, the more often the larger the test set.
    if images <= 2_000:
        assert promotion_rate(gate, images, 0.02, 0.01) > min(0.99, images / 1_000)


def test_simulated_models_are_promoted_as_computed() -> None:
    """Draws of images agree with the computation, for the gate and for the rule before it."""
    random = np.random.default_rng(7)
    for images, disagreement, difference in [(200, 0.05, -0.01), (1_000, 0.02, 0.0)]:
        gain, loss = (disagreement + difference) / 2, (disagreement - difference) / 2
        draws = random.multinomial(images, [loss, gain, 1 - loss - gain], 20_000)
        counted = Counter((int(losses), int(gains)) for losses, gains, _ in draws)
        for rule in (gate, point_rule):
            promoted = sum(
                times for (losses, gains), times in counted.items()
                if rule(Counts(images, losses, gains))
            )  # fmt: skip
            expected = promotion_rate(rule, images, disagreement, difference)
            assert promoted / len(draws) == pytest.approx(expected, abs=0.013)


def test_the_table_in_the_documentation_is_the_computed_one() -> None:
    """docs/model-gate.md has every size, and these rows as they are computed now."""
    told = [line for line in PAGE.splitlines() if re.match(r"\| [\d,]+ \| \d+% ", line)]
    assert len(told) == len(SIZES) * len(DISAGREEMENTS)
    assert rows(200) == told[: len(DISAGREEMENTS)]
    worse_by_the_margin = [float(line.split(" | ")[2].split(" / ")[1]) for line in told]
    assert max(worse_by_the_margin) <= 2.5


@pytest.mark.parametrize("counts", [(200, 3, 9), (2_000, 12, 10), (500, 0, 0), (900, 30, 20)])
def test_the_computed_rule_is_the_gates(counts: tuple[int, int, int]) -> None:
    """The benchmark asks for less than the check does, and comes to the same."""
    check = check_against_champion(compared(*counts), PromotionConfig())
    assert gate(Counts(*counts)) == check.success


def answers(*predicted: str, labels: str = "aabb", contents: str = "1234") -> pd.DataFrame:
    """Return predictions of files with these contents and labels."""
    columns = {"sha256": list(contents), "label": list(labels), "predicted": list(predicted)}
    return pd.DataFrame(columns)


def test_disagreements_are_counted_by_content() -> None:
    """Whatever the order of the files; a copy is no second observation."""
    challenger = answers("a", "b", "b", "b")
    assert count_disagreements(challenger, answers(*"abaa")) == Counts(4, losses=0, gains=2)
    shuffled = answers(*"abaa").sample(frac=1, random_state=3)
    assert count_disagreements(challenger, shuffled) == Counts(4, losses=0, gains=2)
    copied = pd.concat([challenger, challenger.iloc[[2]]])
    twice = pd.concat([answers(*"abaa"), answers(*"abaa").iloc[[2]]])
    assert count_disagreements(copied, twice) == Counts(4, losses=0, gains=2)
    fewer = answers("b", "b", labels="ab", contents="23")
    assert count_disagreements(challenger, fewer) == Counts(2, losses=0, gains=0)
    with pytest.raises(PixelgateError, match="different test images"):
        count_disagreements(challenger, answers("a", labels="a", contents="9"))


def test_an_image_under_two_labels_is_two_questions() -> None:
    """A model can be right about one of them."""
    one = answers("a", "a", labels="ab", contents="11")
    other = answers("b", "b", labels="ab", contents="11")
    assert count_disagreements(one, other) == Counts(2, losses=1, gains=1)


@pytest.mark.parametrize(
    ("settings", "counts", "success", "severity"),
    [
        ({}, (359, 5, 4), False, "warning"),
        ({"on_cannot_tell": "promote"}, (359, 5, 4), False, "info"),
        ({"on_cannot_tell": "reject"}, (359, 5, 4), False, "critical"),
        ({"on_cannot_tell": "promote"}, (1_000, 40, 10), False, "warning"),
        ({"on_cannot_tell": "reject"}, (1_000, 40, 10), False, "warning"),
        ({}, (10_000, 20, 25), True, "warning"),
        ({"policy": "better"}, (10_000, 20, 25), False, "warning"),
        ({"policy": "better"}, (10_000, 20, 60), True, "warning"),
        ({"margin": 0.1}, (359, 5, 4), True, "warning"),
        ({"confidence_level": 0.5}, (359, 0, 0), True, "warning"),
    ],
)
def test_what_the_policy_makes_of_an_answer(
    settings: dict[str, object], counts: tuple[int, int, int], severity: str, *, success: bool
) -> None:
    """Only what could not be told has a setting of its own."""
    promotion = PromotionConfig.model_validate(settings)
    comparison = compare_paired(
        Counts(*counts), margin=promotion.margin, confidence_level=promotion.confidence_level
    )
    check = check_against_champion(comparison, promotion)
    assert (check.success, check.severity) == (success, severity)


def test_the_message_has_the_numbers() -> None:
    """The answer, the interval, the images on which it rests, and how many more would decide."""
    check = check_against_champion(compared(359, 5, 4), PromotionConfig())
    assert "cannot tell: -0.28 points (95% interval -2.43 to +1.80)" in check.observed
    assert "359 test images, 4 newly right and 5 newly wrong (p = 1)" in check.observed
    assert "The champion stays in production. About 1,840 more test images" in check.remedy
    better = check_against_champion(compared(1_000, 5, 25), PromotionConfig())
    assert better.observed.startswith("better: +2.00 points")
    inside = check_against_champion(compared(70_000, 400, 100), PromotionConfig())
    assert inside.observed.startswith("worse, within the margin: -0.43 points")
