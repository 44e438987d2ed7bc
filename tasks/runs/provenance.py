"""A run goes in; the origin of its model, as tags of the version, comes out."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tasks.runs.fingerprint import code_version
from tasks.runs.run_folder import FACTS, VERDICT, read_evidence

if TYPE_CHECKING:
    from tasks.runs.run_folder import Run

RUN_TAG = "pixelgate.run_id"
RECIPE_TAG = "pixelgate.recipe"
OUTCOME_TAG = "pixelgate.outcome"


def provenance(run: Run) -> dict[str, str]:
    """Return run, recipe, data, code and commit; for an overruled verdict also by whom and why."""
    facts = read_evidence(run, FACTS)
    tags = {
        RUN_TAG: run.id,
        RECIPE_TAG: facts["recipe"],
        "pixelgate.data_fingerprint": facts["data_fingerprint"],
        "pixelgate.code_version": code_version(),
        "mlflow.source.git.commit": _git_revision(),
    }
    override = read_evidence(run, VERDICT).get("override") or {}
    tags |= {
        f"pixelgate.override.{name}": override.get(name, "") for name in ("who", "when", "why")
    }
    return {name: value for name, value in tags.items() if value}


def _git_revision() -> str:
    """Return the commit of the working directory, or an empty string outside a git checkout."""
    try:
        ended = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 - whatever git the user has
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return ended.stdout.strip()
