"""A home of one model with a champion, the addresses of its page at a desk, and a form of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.outcome import Outcome
from tasks.storage.home import Home
from tests.run_records import write_promotion, write_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.desk_people import Operator

RUN, MODEL = "/models/digits/run", "/models/digits"


def form_of(ada: Operator) -> dict[str, str]:
    """Return what a form that asks for a run sends."""
    return {"form_token": ada.form_token(MODEL), "reason": "a test"}


def home_of_digits(folder: Path) -> Home:
    """Return a home of one model, digits, with a champion."""
    home = Home("digits", folder)
    write_promotion(home, "1", write_run(home, Outcome.PROMOTED, model_version="1"))
    return home
