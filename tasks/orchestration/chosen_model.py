"""A run and its admitted images go in; the run with a model's name in its settings comes out."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

from tasks.runs.run_folder import record_facts

if TYPE_CHECKING:
    import pandas as pd

    from tasks.runs.run_folder import Run

log = logging.getLogger("pixelgate")


def choose_model(run: Run, inventory: pd.DataFrame) -> Run:
    """Return the run with the model's name in its settings in place of auto, and say why."""
    from tasks.inventory.input_choice import with_chosen_model

    config, choice = with_chosen_model(run.config, inventory)
    record_facts(run, model=choice.model, model_reason=choice.reason)
    log.info("model %s: %s", choice.model, choice.reason)
    return dataclasses.replace(run, config=config)
