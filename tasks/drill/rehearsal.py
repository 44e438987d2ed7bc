"""The drill: plants each kind of fault in a copy of the user's own data and looks what trips."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.drill.plan import plan_faults, why_not_active
from tasks.drill.sample import Sample, take_sample
from tasks.errors import DrillFailedError
from tasks.inventory.scan import inventory_of, root_of
from tasks.runtime.progress import track
from tasks.validation.baseline import accept_baseline, list_baselines
from tasks.validation.context import Context
from tasks.validation.validate import validate_inventory

if TYPE_CHECKING:
    from tasks.config.gate import GateConfig
    from tasks.config.gate_rules import Rule
    from tasks.config.schema import RetrainConfig
    from tasks.drill.faults import Fault
    from tasks.validation.verdict import Verdict

UNTOUCHED = "(untouched sample)"
# A class is cut down to three files; a bound below that could not trip.
LEAST_MIN_FILES = 4


@dataclass(frozen=True)
class DrillResult:
    """What came of one fault.

    Attributes:
        rule: that must catch it.
        planted: the fault, in a few words.
        result: tripped, missed, passed, held up, or not active.
        holds: whether that is as it should be.
        detail: what the rule observed, or why it is not active.
        seconds: from planting to verdict.
    """

    rule: str
    planted: str
    result: str
    holds: bool
    detail: str
    seconds: float


def run_drill(config: RetrainConfig) -> list[DrillResult]:
    """Prove that every rule trips on its fault, and that an untouched sample passes.

    Args:
        config: data and gate as they are set; the data itself is only read.

    Returns:
        One result a fault, the untouched sample first.

    Raises:
        DataFolderError: the folder can't be read as a labelled image set.
        UsageError: it holds too few sound images.
    """
    inventory = inventory_of(config)
    with tempfile.TemporaryDirectory(prefix="pixelgate-drill-") as folder:
        scratch = Path(folder)
        gate = config.gate.model_copy(update={"suites": []})
        verdict = validate_inventory(inventory, gate, directory=scratch / "whole", data_docs=False)
        offending = pd.read_parquet(verdict.offenders)["path"]
        sample = take_sample(inventory, root_of(inventory), scratch, without=set(offending))
        return list(_Range(config, sample, scratch).shoot())


def require_all_hold(results: list[DrillResult]) -> None:
    """Let a drill pass of which every result is as it should be.

    Raises:
        DrillFailedError: naming the rules that did not.
    """
    wrong = [result for result in results if not result.holds]
    if wrong:
        raise DrillFailedError(
            "The gate can't be relied on: "
            + "; ".join(f"{each.rule}: {each.planted} {each.result}" for each in wrong)
            + ". Look at the thresholds of these rules."
        )


class _Range:
    """A sample with settings that fit its size, and a baseline of its own."""

    def __init__(self, config: RetrainConfig, sample: Sample, scratch: Path) -> None:
        self._sample, self._scratch, self._judged = sample, scratch, 0
        data = config.data.model_copy(
            update={"directory": sample.work, "layout": "split", "manifest": None}
        )
        self._gate = fitted_gate(config.gate, sample)
        self._config = config.model_copy(
            update={"home": scratch / "home", "data": data, "gate": self._gate}
        )

    def shoot(self) -> list[DrillResult]:
        """Judge the untouched sample, then each fault."""
        started = time.monotonic()
        verdict = self._judge(self._gate, Context())
        labels_judged = any(finding.rule == "label_errors" for finding in verdict.findings)
        broken = verdict.failures
        results = [
            DrillResult(
                UNTOUCHED,
                "nothing",
                "held up" if broken else "passed",
                not broken,
                "; ".join(f"{finding.rule}: {finding.observed}" for finding in broken),
                time.monotonic() - started,
            )
        ]
        accept_baseline(self._config.paths, self._inventory, verdict, run_id="drill", remembered=1)
        planned = plan_faults(self._gate)
        for batch in track(
            [[fault] for fault in planned], total=len(planned), description="drill", unit="faults"
        ):
            results += [self._try(fault, labels_judged=labels_judged) for fault in batch]
        return results

    def _try(self, fault: Fault, *, labels_judged: bool) -> DrillResult:
        reason = why_not_active(fault, self._gate, self._sample, labels_judged=labels_judged)
        if reason:
            return DrillResult(fault.rule, fault.told, "not active", True, reason, 0.0)  # noqa: FBT003 - holds
        started = time.monotonic()
        expected = set(fault.plant(self._sample))
        gate = self._gate
        for rule, update in fault.settings.items():
            gate = gate.model_copy(update={rule: getattr(gate, rule).model_copy(update=update)})
        context = Context(
            baselines=tuple(list_baselines(self._config.paths)),
            now=datetime.now(UTC) + timedelta(days=fault.days_later),
        )
        verdict = self._judge(gate, context)
        self._sample.restore()
        failed = [
            finding
            for finding in verdict.failures
            if finding.rule == fault.rule and not finding.quarantined
        ]
        offenders = pd.read_parquet(verdict.offenders)
        named = set(offenders.loc[offenders["rule"] == fault.rule, "path"])
        tripped = bool(failed) and len(expected & named) >= fault.named * len(expected)
        return DrillResult(
            fault.rule,
            fault.told,
            "tripped" if tripped else "missed",
            tripped,
            failed[0].observed if failed else "the rule found nothing",
            time.monotonic() - started,
        )

    def _judge(self, gate: GateConfig, context: Context) -> Verdict:
        self._inventory = inventory_of(self._config)
        # A project of its own each time, as one that grows gets slower.
        self._judged += 1
        return validate_inventory(
            self._inventory,
            gate,
            directory=self._scratch / f"validation{self._judged}",
            context=context,
            data_docs=False,
        )


def fitted_gate(gate: GateConfig, sample: Sample) -> GateConfig:
    """Return the gate's settings for a sample.

    Every rule fails instead of leaving files out, what counts files or names classes fits the
    sample, and suites of the user's, which may want what a sample can't give, are left aside.
    """
    rules: dict[str, Rule] = {}
    for name in gate.rules():
        rule: Rule = getattr(gate, name)
        update = {"quarantine": False} if "quarantine" in type(rule).model_fields else {}
        for field, about in type(rule).model_fields.items():
            if getattr(rule, field) == "learn":
                update[field] = about.default
        rules[name] = rule.model_copy(update=update)
    each = len(sample.files) // len(sample.labels)
    least = max(LEAST_MIN_FILES, min(int(getattr(rules["class_size"], "min_files", each)), each))
    fitting: dict[str, dict[str, Any]] = {
        "class_size": {"min_files": least},
        "known_classes": {"classes": sample.labels},
        "class_shares": {"declared": None},
    }
    for name, fields in fitting.items():
        rules[name] = rules[name].model_copy(update=fields)
    return gate.model_copy(update={**rules, "suites": []})
