"""A trained model goes in; a folder of exports comes out, with what was verified about each.

An export that fails, or that answers differently from the Keras model on test images, is not kept:
a warning says why, and the .keras file remains what serves.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import keras
import numpy as np

from tasks.exports.export_record import (
    LITERT,
    LITERT_INT8,
    NAMES,
    ONNX,
    RECORDS,
    SAVED_MODEL,
    Export,
)
from tasks.generators.inputs import split_images
from tasks.inventory.columns import TEST, TRAIN
from tasks.models.prediction import predict
from tasks.runtime.user_code import describe_fault
from tasks.storage.atomic import write_json
from tasks.storage.hashing import digest, file_digest
from tasks.storage.scratch import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tasks.config.exports import ExportsConfig
    from tasks.config.schema import RetrainConfig
    from tasks.generators.inputs import Inputs
    from tasks.models.contract import InputContract

    # Writes the export to a path; and answers images from it.
    Maker = tuple[str, Callable[[Path], None], Callable[[Path], np.ndarray]]

# Largest difference of a probability from the Keras model's. Sums of float32 in another order
# differ by a millionth; half precision inside a user's model by more.
TOLERANCE = 1e-3
TEST_IMAGES, CALIBRATION_IMAGES = 256, 200

log = logging.getLogger("pixelgate")


@dataclass(frozen=True)
class Samples:
    """Images that exports are made and verified with, each (n, height, width, channels) uint8.

    Attributes:
        test: of the test split; every export must answer them as the Keras model does.
        calibration: of the train split; they show an 8-bit model the range of its activations.
    """

    test: np.ndarray
    calibration: np.ndarray


@contextlib.contextmanager
def exported(model: Path, inputs: Inputs, config: RetrainConfig) -> Iterator[Path | None]:
    """Export a trained model; yield the folder, which is removed in the end.

    Args:
        model: .keras file.
        inputs: what it was trained on; some of their images are used.
        config: the exports part, and home, which holds the folder.

    Yields:
        The folder; None if no format is asked for.
    """
    if not config.exports.formats:
        yield None
        return
    samples = Samples(
        split_images(inputs, TEST, most=TEST_IMAGES),
        split_images(inputs, TRAIN, most=CALIBRATION_IMAGES),
    )
    with scratch_folder(config.paths) as folder:
        export_model(model, inputs.contract, samples, config.exports, folder)
        yield folder


def export_model(
    model: Path, contract: InputContract, samples: Samples, settings: ExportsConfig, folder: Path
) -> list[Export]:
    """Make every format that the settings ask for, and verify it on test images.

    Args:
        model: .keras file.
        contract: kept in the exports that have a place for it.
        samples: images to verify and to calibrate with.
        settings: which formats.
        folder: gets the files, and exports.json with the records.

    Returns:
        One record per format that was asked for, whether it was kept or not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network = keras.saving.load_model(model)
    makers = _makers(network, contract, samples)
    wanted = [maker for maker in makers if maker[0] in settings.formats]
    expected = predict(network, samples.test)
    exports = [_export(maker, expected, settings, folder) for maker in wanted]
    write_json(folder / RECORDS, [export.as_dict() for export in exports])
    return exports


def _makers(network: keras.Model, contract: InputContract, samples: Samples) -> Iterator[Maker]:
    # Each imports its converter only when it is asked for.
    def write_onnx(file: Path) -> None:
        from tasks.exports.onnx_file import write_onnx

        write_onnx(network, contract, file)

    def answer_onnx(file: Path) -> np.ndarray:
        from tasks.exports.onnx_session import OnnxModel

        return OnnxModel.open(file).predict(samples.test)

    def write_float(file: Path) -> None:
        from tasks.exports.litert_file import write_litert

        write_litert(network, file)

    def write_int8(file: Path) -> None:
        from tasks.exports.litert_file import write_litert

        write_litert(network, file, calibration=samples.calibration)

    def answer_litert(file: Path) -> np.ndarray:
        from tasks.exports.litert_file import predict_litert

        return predict_litert(file, samples.test)

    def write_saved(folder: Path) -> None:
        from tasks.exports.saved_model_file import write_saved_model

        write_saved_model(network, contract, folder)

    def answer_saved(folder: Path) -> np.ndarray:
        from tasks.exports.saved_model_file import predict_saved_model

        return predict_saved_model(folder, contract, samples.test)

    yield ONNX, write_onnx, answer_onnx
    yield LITERT, write_float, answer_litert
    yield LITERT_INT8, write_int8, answer_litert
    yield SAVED_MODEL, write_saved, answer_saved


def _export(maker: Maker, expected: np.ndarray, settings: ExportsConfig, folder: Path) -> Export:
    kind, write, answer = maker
    path, started = folder / NAMES[kind], time.monotonic()
    try:
        write(path)
        export = _compare(kind, answer(path), expected, settings)
    except ImportError as error:
        export = Export(kind, failure=_missing_package(error))
    except Exception as error:  # noqa: BLE001 - converters raise anything on layers they don't know
        export = Export(kind, failure=describe_fault(error))
    if export.failure:
        log.warning("no %s export of this model: %s", kind, export.failure)
        _remove(path)
        return export
    seconds = round(time.monotonic() - started, 2)
    sha256, size = fingerprint_of(path)
    log.info(
        "exported %s: %.1f MB, the same class on %.1f%% of %d test images, probabilities within"
        " %.2g, %.1f s",
        *(path.name, size / 1e6, 100 * export.agreement, export.images, export.difference, seconds),
    )
    return replace(export, file=path.name, sha256=sha256, size=size, seconds=seconds)


def _missing_package(error: ImportError) -> str:
    package = (error.name or "a package").partition(".")[0]
    return f"{package} can't be imported ({error}); install it with `pip install {package}`"


def _compare(
    kind: str, answered: np.ndarray, expected: np.ndarray, settings: ExportsConfig
) -> Export:
    if answered.shape != expected.shape:
        return Export(kind, failure=f"it answers with {answered.shape}, not {expected.shape}")
    if not np.isfinite(answered).all():
        return Export(kind, failure="some of its probabilities are no finite numbers")
    difference = float(np.abs(answered - expected).max())
    agreement = float((_best(answered) == _best(expected)).mean())
    failure = ""
    if kind == LITERT_INT8:
        if agreement < settings.int8_agreement:
            failure = (
                f"it classifies {agreement:.1%} of {len(expected)} test images as the original"
                f" does, which is below exports.int8_agreement = {settings.int8_agreement:.1%}"
            )
    elif difference > TOLERANCE:
        failure = (
            f"its probabilities differ by up to {difference:.2g} from the Keras model's on"
            f" {len(expected)} test images"
        )
    return Export(
        kind,
        images=len(expected),
        difference=difference,
        agreement=agreement,
        failure=failure,
    )


def _best(outputs: np.ndarray) -> np.ndarray:
    """Return the class of each image: (images,) int64."""
    # A sigmoid's only output is the probability of the second class.
    both = outputs if outputs.shape[1] > 1 else np.concatenate([1 - outputs, outputs], axis=1)
    best: np.ndarray = both.argmax(axis=1)
    return best


def fingerprint_of(path: Path) -> tuple[str, int]:
    """Return the SHA-256 and the size in bytes of a file, or of all files of a folder."""
    if path.is_file():
        return file_digest(path), path.stat().st_size
    files = sorted(file for file in path.rglob("*") if file.is_file())
    names = {file.relative_to(path).as_posix(): file_digest(file) for file in files}
    return digest(names), sum(file.stat().st_size for file in files)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)
