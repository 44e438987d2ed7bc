"""A person puts a version into production: does it still know the images it must never miss?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.errors import PixelgateError
from tasks.evaluation.golden import wrong_answers
from tasks.registry.champion import MLMODEL, contract_in

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tasks.registry.by_hand import Inspect
    from tasks.registry.mlflow_store import ModelStore

NAMED = 5


def golden_inspection(store: ModelStore, config: RetrainConfig) -> Inspect | None:
    """Return what refuses a version that misses an image of `evaluation.golden_dir`.

    Args:
        store: of the model.
        config: the evaluation and data parts, and home.

    Returns:
        For `promote_version` and `roll_back`; None where no folder is set.
    """
    if config.evaluation.golden_dir is None:
        return None

    def inspect(version: str, file: Path) -> None:
        # Imported here, as most promotions need no TensorFlow.
        import keras

        from tasks.evaluation.golden import answer_golden

        contract = contract_in(store.model_path(version, MLMODEL))
        table = answer_golden(keras.saving.load_model(file), contract, config)
        wrong = wrong_answers(table)
        if wrong:
            more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
            raise PixelgateError(
                f"Version {version} misses {len(wrong)} of the {len(table)} images of"
                f" evaluation.golden_dir: {', '.join(wrong[:NAMED])}{more}. Nothing was changed."
                " Choose another version (`pixelgate models`), or add --without-golden if it must"
                " be this one."
            )

    return inspect
