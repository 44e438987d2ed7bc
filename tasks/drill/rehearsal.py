"""A user's data and settings go in; whether each planted fault was caught by its rule comes out."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pandas as pd

from tasks.config.base import LEARN
from tasks.drill.kept_drill import keep_drill
from tasks.drill.plan import NOISE_OF_ONE, plan_faults, why_not_active
from tasks.drill.sample import Sample, take_sample
from tasks.errors import DrillFailedError
from tasks.inventory.columns import PATH, TEST
from tasks.inventory.embeddings import embeddings_of
from tasks.inventory.scan import inventory_of, root_of, take_inventory
from tasks.runtime.progress import track
from tasks.storage.home import Home
from tasks.storage.scratch import scratch_folder
from tasks.validation.baseline import accept_baseline, list_baselines
from tasks.validation.context import Context
from tasks.validation.evidence import RULE
from tasks.validation.validate import validate_inventory

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from tasks.config.data import DataConfig
    from tasks.config.gate import GateConfig
    from tasks.config.gate_rules import Rule
    from tasks.config.schema import RetrainConfig
    from tasks.drill.faults import Fault
    from tasks.inventory.embeddings import Embeddings
    from tasks.validation.verdict import Verdict

UNTOUCHED = "(untouched sample)"
# A sample has folders of its own, whatever those of the data are.
OWN_FOLDERS: dict[str, Any] = {
    "layout": "split",
    "manifest": None,
    "label_pattern": None,
    "group_pattern": None,
    "label_folder": "auto",
    "split_folders": {},
    "leave_out": [],
    "columns": {},
}
# A fault leaves three files of a class; a lower bound than this could not trip.
LOWEST_MIN_FILES = 4


class DrillStatus(StrEnum):
    """How the gate reacted to a fault, or to the untouched sample."""

    TRIPPED = "tripped"
    MISSED = "missed"
    PASSED = "passed"
    REJECTED = "rejected"
    NOT_ACTIVE = "not active"


@dataclass(frozen=True)
class DrillResult:
    """The gate's reaction to one fault.

    Attributes:
        rule: that must catch the fault; `UNTOUCHED` for the sample without one.
        planted: the fault, in a few words.
        result: tripped, missed or not active; passed or rejected for the untouched sample.
        as_expected: whether the gate reacted as it must.
        detail: what the rule observed, or why it is not active.
        seconds: from planting the fault to the verdict.
    """

    rule: str
    planted: str
    result: DrillStatus
    as_expected: bool
    detail: str
    seconds: float


def run_drill(config: RetrainConfig) -> list[DrillResult]:
    """Prove that every rule trips on its fault, and that an untouched sample passes.

    How it ended is kept in the model's home, for alarms.

    Args:
        config: its data is only read.

    Returns:
        One result per fault, the untouched sample first.

    Raises:
        DataFolderError: the folder can't be read as a labelled image set.
        UsageError: it contains too few valid images.
    """
    inventory = inventory_of(config)
    with scratch_folder(config.paths) as scratch:
        gate = config.gate.model_copy(update={"suites": []})
        root = root_of(inventory)
        embeddings = embeddings_of(
            inventory, config.data, root=root, cache_dir=config.paths.inventory
        )
        verdict = validate_inventory(
            inventory,
            gate,
            directory=scratch / "whole",
            context=Context(embeddings=embeddings),
            data_docs=False,
        )
        offending = pd.read_parquet(verdict.offenders)[PATH]
        sample = take_sample(inventory, root, scratch, without=set(offending))
        results = _Rehearsal(config.data, gate, sample, scratch=scratch, seed=config.seed).run()
    keep_drill(config.paths, [_complaint(result) for result in results if not result.as_expected])
    return results


def require_all_as_expected(results: list[DrillResult]) -> None:
    """Check that the gate reacted to every fault as it must.

    Raises:
        DrillFailedError: it didn't; the message names the rules.
    """
    wrong = [result for result in results if not result.as_expected]
    if wrong:
        raise DrillFailedError(
            f"The gate is not reliable: {'; '.join(_complaint(result) for result in wrong)}. Check"
            " the thresholds of these rules."
        )


def _complaint(result: DrillResult) -> str:
    if result.rule == UNTOUCHED:
        return f"the untouched sample was rejected ({result.detail})"
    return f"{result.rule} missed {result.planted}"


class _Rehearsal:
    """A sample, settings that fit its size, and a home with a baseline of its own."""

    def __init__(
        self, data: DataConfig, gate: GateConfig, sample: Sample, *, scratch: Path, seed: int
    ) -> None:
        self._sample, self._scratch, self._seed = sample, scratch, seed
        self._home = Home("drill", scratch / "home")
        self._gate = fit_gate(gate, sample)
        self._data = data.model_copy(update={**OWN_FOLDERS, "directory": sample.work})
        self._judged, self._embedded = 0, False

    def run(self) -> list[DrillResult]:
        """Judge the untouched sample, then each fault."""
        started = time.monotonic()
        inventory, verdict = self._judge(self._gate, Context())
        failures = verdict.failures
        untouched = DrillResult(
            rule=UNTOUCHED,
            planted="nothing",
            result=DrillStatus.REJECTED if failures else DrillStatus.PASSED,
            as_expected=not failures,
            detail="; ".join(f"{finding.rule}: {finding.observed}" for finding in failures),
            seconds=time.monotonic() - started,
        )
        embeddings = self._embeddings_of(inventory)
        self._embedded = embeddings is not None
        accept_baseline(
            self._home,
            inventory,
            verdict,
            run_id="drill",
            max_baselines=1,
            embeddings=embeddings,
        )
        judged = {finding.rule for finding in verdict.findings}
        faults = plan_faults(self._gate)
        batches = [[fault] for fault in faults]
        tracked = track(batches, total=len(faults), description="drill", unit="faults")
        return [
            untouched,
            *(self._try(fault, judged) for (fault,) in tracked),
        ]

    def _try(self, fault: Fault, judged: Collection[str]) -> DrillResult:
        reason = why_not_active(
            fault, self._gate, self._sample, judged=judged, embedded=self._embedded
        )
        if reason:
            return DrillResult(
                rule=fault.rule,
                planted=fault.description,
                result=DrillStatus.NOT_ACTIVE,
                as_expected=True,
                detail=reason,
                seconds=0.0,
            )
        started = time.monotonic()
        expected = set(fault.plant(self._sample))
        _, verdict = self._judge(self._gate_for(fault), self._context_of(fault))
        self._sample.restore()
        failed = [
            finding
            for finding in verdict.failures
            if finding.rule == fault.rule and not finding.quarantined
        ]
        # Failing is not enough: the rule must name the right files too.
        offenders = pd.read_parquet(verdict.offenders)
        named = expected & set(offenders.loc[offenders[RULE] == fault.rule, PATH])
        tripped = bool(failed) and len(named) >= fault.min_recall * len(expected)
        return DrillResult(
            rule=fault.rule,
            planted=fault.description,
            result=DrillStatus.TRIPPED if tripped else DrillStatus.MISSED,
            as_expected=tripped,
            detail=failed[0].observed if failed else "the rule did not fail",
            seconds=time.monotonic() - started,
        )

    def _gate_for(self, fault: Fault) -> GateConfig:
        rules = {
            rule: getattr(self._gate, rule).model_copy(update=update)
            for rule, update in fault.settings.items()
        }
        return self._gate.model_copy(update=rules)

    def _context_of(self, fault: Fault) -> Context:
        return Context(
            baselines=tuple(list_baselines(self._home)),
            now=datetime.now(UTC) + timedelta(days=fault.days_later),
        )

    def _judge(self, gate: GateConfig, context: Context) -> tuple[pd.DataFrame, Verdict]:
        inventory = take_inventory(self._data, seed=self._seed, cache_dir=self._home.inventory)
        # A new project each time, as a GX project gets slower with every suite it stores.
        self._judged += 1
        verdict = validate_inventory(
            inventory,
            gate,
            directory=self._scratch / f"validation{self._judged}",
            context=replace(context, embeddings=self._embeddings_of(inventory)),
            data_docs=False,
        )
        return inventory, verdict

    def _embeddings_of(self, inventory: pd.DataFrame) -> Embeddings | None:
        return embeddings_of(
            inventory, self._data, root=self._sample.work, cache_dir=self._home.inventory
        )


def fit_gate(gate: GateConfig, sample: Sample) -> GateConfig:
    """Return the gate's settings fitted to a sample.

    Every rule fails instead of leaving files out, thresholds that count files or name classes fit
    the sample, and the user's suites, whose demands a sample may not meet, are left out.
    """
    rules: dict[str, Rule] = {}
    for name in gate.rules():
        rule: Rule = getattr(gate, name)
        update = {"quarantine": False} if "quarantine" in type(rule).model_fields else {}
        for field, info in type(rule).model_fields.items():
            # The sample has no history to learn from.
            if getattr(rule, field) == LEARN:
                update[field] = info.default
        rules[name] = rule.model_copy(update=update)
    # Of every ten files of a class, each split has its share.
    per_class = len(sample.files) // len(sample.labels) // 10 * 10
    min_files = min(int(getattr(rules["class_size"], "min_files", per_class)), per_class)
    noise = max(gate.test_size.max_noise, NOISE_OF_ONE / len(sample.paths(TEST)))
    fitting: dict[str, dict[str, Any]] = {
        "class_size": {
            "min_files": max(LOWEST_MIN_FILES, min_files),
            "min_train_files": None,
            "min_test_files": None,
        },
        "test_size": {"max_noise": noise},
        "known_classes": {"classes": sample.labels},
        "class_shares": {"declared": None},
    }
    for name, fields in fitting.items():
        rules[name] = rules[name].model_copy(update=fields)
    return gate.model_copy(update={**rules, "suites": []})
