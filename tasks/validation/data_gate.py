"""A run and its inventory go in; its verdict, judged by what its home remembers, comes out."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import pandas as pd

from tasks.config.data import data_root
from tasks.errors import DataRejectedError
from tasks.inventory.columns import fingerprint, readable
from tasks.inventory.embeddings import embedding_name, embeddings_of
from tasks.inventory.input_choice import choose_input
from tasks.inventory.value_ranges import value_range_of
from tasks.runs.run_folder import INVENTORY
from tasks.runtime.reader_process import end_idle
from tasks.validation.baseline import Baseline, accept_baseline
from tasks.validation.context import gather_context
from tasks.validation.kept_verdicts import keep_verdict, reuse_verdict, verdict_key
from tasks.validation.quarantine import record_quarantine
from tasks.validation.verdict import read_verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.config.schema import RetrainConfig
    from tasks.inventory.embeddings import Embeddings
    from tasks.runs.run_folder import Run
    from tasks.validation.context import Context
    from tasks.validation.verdict import Verdict

# These compare with the last accepted data, so their failures must not prevent an operator from
# replacing it.
RELATIVE_RULES = ("relabelled", "volume", "staleness", "class_shares", "known_classes", "drift_")

log = logging.getLogger("pixelgate")


def judge_inventory(
    run: Run,
    inventory: pd.DataFrame,
    *,
    champion_classes: tuple[str, ...] | None,
    on_news: Callable[[], object] | None = None,
) -> Verdict:
    """Judge a run's inventory by everything remembered about its data; leave the evidence.

    Args:
        run: its settings, and the folder of the evidence.
        inventory: as `take_inventory` returns it.
        champion_classes: classes of the model in production; None without one.
        on_news: called before it is judged, unless it is the data of the last accepted run.
    """
    home = run.config.paths
    remembered = gather_context(home, champion_classes=champion_classes)
    setting = run.config.generators.value_range
    context = dataclasses.replace(
        remembered,
        input_side=_input_side(inventory, run.config),
        value_range=value_range_of(readable(inventory), setting),
        embedding=embedding_name(inventory, run.config.data),
    )
    verdict = _kept_or_new(run, inventory, context, on_news)
    record_quarantine(home, inventory, verdict)
    return verdict


def _kept_or_new(
    run: Run, inventory: pd.DataFrame, context: Context, on_news: Callable[[], object] | None
) -> Verdict:
    home, gate = run.config.paths, run.config.gate
    key = verdict_key(inventory, gate, context)
    if not run.config.force:
        kept = reuse_verdict(home, key, inventory, gate, context, directory=run.validation)
        if kept is not None:
            log.info("these files were judged before by the same rules; that verdict stands")
            # Nothing is new, so that the process which waits for files only holds memory.
            end_idle()
            return kept
    if on_news and not _is_accepted(inventory, context):
        on_news()
    # Imported when there is something to judge: Great Expectations, which it imports in turn,
    # takes seconds.
    from tasks.validation.validate import validate_inventory

    context = dataclasses.replace(context, embeddings=_embeddings(run, inventory))
    verdict = validate_inventory(inventory, gate, directory=run.validation, context=context)
    keep_verdict(home, key, run.validation)
    return verdict


def _is_accepted(inventory: pd.DataFrame, context: Context) -> bool:
    """Return whether this is the data that was accepted last, and is judged against itself now."""
    before = context.baseline
    return before is not None and before.record["data_fingerprint"] == fingerprint(inventory)


def _embeddings(run: Run, inventory: pd.DataFrame) -> Embeddings | None:
    config = run.config
    # Kept since the inventory was taken, unless they were damaged or removed.
    return embeddings_of(
        inventory, config.data, root=data_root(config.data), cache_dir=config.paths.inventory
    )


def _input_side(inventory: pd.DataFrame, config: RetrainConfig) -> int | None:
    """Return the shorter side of the model's input, pixels; None where no image can be read."""
    images = readable(inventory)
    if images.empty:
        return None
    choice = choose_input(images, config.generators, model=config.training.model)
    return min(choice.height, choice.width)


def accept_run(run: Run, *, accepted_by: str = "run", reason: str = "") -> Baseline:
    """Make the data of a run the baseline of later runs.

    Args:
        run: its inventory has been judged.
        accepted_by: run, or operator.
        reason: given by an operator.
    """
    # From the evidence, as a run that was resumed may have been judged by another process.
    inventory = pd.read_parquet(run.directory / INVENTORY)
    verdict = read_verdict(run.validation)
    return accept_baseline(
        run.config.paths,
        inventory,
        verdict,
        run_id=run.id,
        max_baselines=run.config.gate.learning.runs,
        accepted_by=accepted_by,
        reason=reason,
        embeddings=_embeddings(run, inventory),
    )


def require_acceptable(verdict: Verdict) -> None:
    """Check that only rules that compare with the old baseline reject the data.

    Raises:
        DataRejectedError: the data breaks rules that have nothing to do with the old baseline.
    """
    broken = [
        finding
        for finding in verdict.failures
        if finding.stops and not finding.rule.startswith(RELATIVE_RULES)
    ]
    if broken and verdict.override is None:
        raise DataRejectedError(
            "This data can't become the baseline before it is fixed, or accepted with"
            " `pixelgate gate DIR --accept-with-reason`.\n"
            + "\n".join(finding.text for finding in broken)
        )
