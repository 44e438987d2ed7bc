"""Settings and accepted runs go in; settings with a number for each `learn` come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.config.base import LEARN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.config.gate import GateConfig
    from tasks.config.gate_rules import Rule
    from tasks.validation.baseline import Baseline

# For these settings the lowest value seen counts, for the others the highest.
LOWER_BOUNDS = ("min_contrast", "min_files")


def learned_thresholds(
    gate: GateConfig, baselines: Sequence[Baseline]
) -> tuple[GateConfig, dict[str, str]]:
    """Replace each `learn` by a bound from the last accepted runs.

    Args:
        gate: as configured.
        baselines: the remembered accepted runs.

    Returns:
        The settings with numbers only, and for each rule with a learned bound where it comes from,
        in words.
    """
    rules, origins = {}, {}
    for name in gate.rules():
        rule: Rule = getattr(gate, name)
        for field in _learned_fields(rule):
            seen = [
                baseline.record["observed"][name]
                for baseline in baselines
                if name in baseline.record["observed"]
            ]
            bound, origins[name] = _bound(rule, field, seen, gate)
            rule = rule.model_copy(update={field: bound})
        rules[name] = rule
    return gate.model_copy(update=rules), origins


def _learned_fields(rule: Rule) -> Iterator[str]:
    return (name for name in type(rule).model_fields if getattr(rule, name) == LEARN)


def _bound(rule: Rule, field: str, seen: Sequence[float], gate: GateConfig) -> tuple[float, str]:
    settings = gate.learning
    default = type(rule).model_fields[field].default
    if len(seen) < settings.min_runs:
        return default, f"{len(seen)} of {settings.min_runs} accepted runs to learn from: default"
    lower = field in LOWER_BOUNDS
    extreme = min(seen) if lower else max(seen)
    bound = extreme * (1 - settings.margin if lower else 1 + settings.margin)
    if isinstance(default, int):
        bound = int(bound)
    # What was never seen, such as duplicates, would otherwise get a bound of 0.
    bound = bound if lower else max(bound, default / 10)
    return bound, (
        f"learned from {len(seen)} accepted runs: {'lowest' if lower else 'highest'} {extreme:.4g},"
        f" margin {settings.margin:.0%}"
    )
