"""Settings and the accepted runs go in; settings with a number for each `learn` come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.config.base import LEARN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.config.gate import GateConfig
    from tasks.config.gate_rules import Rule
    from tasks.validation.baseline import Baseline

# Of these the lowest value seen counts, of the others the highest.
LOWER_BOUNDS = ("min_contrast", "min_files")


def learned_thresholds(
    gate: GateConfig, baselines: Sequence[Baseline]
) -> tuple[GateConfig, dict[str, str]]:
    """Replace each `learn` by a bound from the last accepted runs.

    Args:
        gate: as it was set.
        baselines: the accepted runs that are remembered.

    Returns:
        The gate with numbers only, and by rule how its bound came about, in words.
    """
    rules, told = {}, {}
    for name in gate.rules():
        rule: Rule = getattr(gate, name)
        for field in _to_learn(rule):
            seen = [
                baseline.record["observed"][name]
                for baseline in baselines
                if name in baseline.record["observed"]
            ]
            bound, told[name] = _bound(rule, field, seen, gate)
            rule = rule.model_copy(update={field: bound})
        rules[name] = rule
    return gate.model_copy(update=rules), told


def _to_learn(rule: Rule) -> Iterator[str]:
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
    # What was never seen at all, such as copies, would otherwise have no room.
    bound = bound if lower else max(bound, default / 10)
    return bound, (
        f"learned from {len(seen)} accepted runs: {'lowest' if lower else 'highest'} {extreme:.4g},"
        f" margin {settings.margin:.0%}"
    )
