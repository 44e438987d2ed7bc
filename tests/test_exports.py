"""Exports: the same answers as the Keras model, from files that need nothing of ours."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
from PIL import Image

from tasks.config.exports import ExportsConfig
from tasks.exports.export import Samples, export_model, exported
from tasks.exports.export_record import EXPORTS, read_exports, tag_of
from tasks.exports.onnx_session import OnnxModel
from tasks.generators.inputs import split_images
from tasks.models.architectures import build_model
from tasks.models.contract import InputContract
from tests.command_line import predict_here

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.exports.export_record import Export
    from tests.model_bench import Bench
    from tests.trainings import Trainer

LAYERS = keras.layers
RANDOM = np.random.default_rng(0)

# What somebody without Pixelgate would write; -I and an empty folder keep everything of ours away.
BARE = """
import io, json, sys
import numpy, onnxruntime
from PIL import Image, ImageOps
session = onnxruntime.InferenceSession(sys.argv[1])
contract = json.loads(session.get_modelmeta().custom_metadata_map["pixelgate_contract"])
mode = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}[contract["color_mode"]]
for file in sys.argv[2:]:
    data = open(file, "rb").read()
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert(mode)
    size = contract["width"], contract["height"]
    image = image.resize(size, Image.Resampling.BILINEAR) if image.size != size else image
    batch = numpy.asarray(image).reshape(1, contract["height"], contract["width"], -1)
    (answer,) = session.run(["probabilities"], {"images": batch})
    print(json.dumps([contract["classes"][answer[0].argmax()], answer[0].tolist()]))
assert not {"tensorflow", "keras", "tasks", "pandas", "mlflow"} & set(sys.modules)
"""


def noise(shape: tuple[int, ...], count: int = 8) -> Samples:
    """Return images of noise."""
    images = RANDOM.integers(0, 256, (count, *shape), np.uint8)
    return Samples(images, images)


def export(
    network: keras.Model, contract: InputContract, folder: Path, **settings: bool | float
) -> tuple[dict[str, Export], Samples]:
    """Save a network and export it; return the records by format, and the images."""
    network.save(folder / "model.keras")
    samples = noise(contract.shape)
    config = ExportsConfig.model_validate(settings)
    exports = export_model(folder / "model.keras", contract, samples, config, folder / "exports")
    return {each.format: each for each in exports}, samples


def test_more_images_than_are_answered_at_once_have_their_answers(
    tmp_path: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every format: eight in calls of three."""
    monkeypatch.setattr("tasks.models.prediction.MOST_IMAGES", 3)
    contract = InputContract(("a", "b", "c"), 28, 28, "grayscale", "categorical")
    settings = trainer.config(training={"model": "fast_cnn"}).training
    network = build_model(contract, settings, rescale=1 / 255)
    exports, _ = export(network, contract, tmp_path, litert=True, saved_model=True)
    assert sorted(exports) == ["litert", "onnx", "saved_model"]
    assert [each.failure for each in exports.values()] == ["", "", ""]
    assert max(each.difference for each in exports.values()) < 1e-5


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("fast_cnn", InputContract(("a", "b", "c"), 28, 28, "grayscale", "categorical", "pad")),
        ("small_cnn", InputContract(("a", "b"), 32, 24, "rgb", "binary", "crop")),
        ("basic_cnn", InputContract(("a", "b", "c"), 16, 16, "rgba", "sparse")),
    ],
)
def test_our_models_answer_alike_in_onnx(
    tmp_path: Path, trainer: Trainer, name: str, contract: InputContract
) -> None:
    """Whatever the colour mode and the class mode, for any number of images at once."""
    network = build_model(contract, trainer.config(training={"model": name}).training, rescale=0.01)
    exports, samples = export(network, contract, tmp_path)
    assert list(exports) == ["onnx"]
    assert exports["onnx"].difference < 1e-5
    opened = OnnxModel.open(tmp_path / "exports/model.onnx")
    assert opened.contract == contract
    for count in (1, 3, 8):
        np.testing.assert_allclose(
            opened.predict(samples.test[:count]),
            network.predict(samples.test[:count], verbose=0),
            atol=1e-5,
        )


@pytest.mark.parametrize(
    "body",
    [
        lambda images: LAYERS.RandomRotation(0.1)(LAYERS.RandomFlip()(images)),
        lambda images: LAYERS.RandomContrast(0.1)(LAYERS.RandomZoom(0.1)(images)),
        LAYERS.Normalization(mean=[1, 2, 3.0], variance=[1, 4, 9.0]),
        lambda images: LAYERS.Resizing(20, 20)(LAYERS.CenterCrop(10, 12)(images)),
        lambda images: LAYERS.LayerNormalization()(LAYERS.Conv2D(4, 3, activation="gelu")(images)),
        lambda images: LAYERS.LSTM(4)(LAYERS.Reshape((16, 48))(images)),
    ],
    ids=["augmentation", "contrast", "normalization", "resizing", "gelu", "recurrent"],
)
def test_layers_that_users_bring_along_are_exported(
    tmp_path: Path, body: Callable[[keras.KerasTensor], keras.KerasTensor]
) -> None:
    """Preprocessing and augmentation in the model, normalisations and recurrent layers."""
    contract = InputContract(("a", "b", "c"), 16, 16, "rgb", "categorical")
    images = keras.Input(contract.shape, dtype="uint8", name="images")
    features = LAYERS.Flatten()(body(LAYERS.Rescaling(1 / 255)(images)))
    network = keras.Model(images, LAYERS.Dense(3, activation="softmax")(features))
    exports, _ = export(network, contract, tmp_path)
    assert exports["onnx"].failure == ""
    assert exports["onnx"].agreement == 1


def test_a_layer_without_equivalent_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No file is left that nobody could use; the .keras file remains."""
    contract = InputContract(("a", "b", "c"), 16, 16, "rgb", "categorical")
    images = keras.Input(contract.shape, dtype="uint8", name="images")
    features = LAYERS.Discretization(bin_boundaries=[9.0, 99.0])(LAYERS.Rescaling(1.0)(images))
    features = LAYERS.Flatten()(LAYERS.Rescaling(0.1)(features))
    network = keras.Model(images, LAYERS.Dense(3, activation="softmax")(features))
    with caplog.at_level(logging.WARNING, "pixelgate"):
        exports, _ = export(network, contract, tmp_path)
    assert "no onnx export of this model" in caplog.text
    assert exports["onnx"].file == ""
    assert [file.name for file in (tmp_path / "exports").iterdir()] == ["exports.json"]
    assert read_exports(tmp_path / "exports") == list(exports.values())


def test_a_missing_package_is_a_warning_that_names_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version is registered without the file."""
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    monkeypatch.delitem(sys.modules, "tasks.exports.onnx_file", raising=False)
    contract = InputContract(("a", "b"), 4, 4, "rgb", "binary")
    images = keras.Input(contract.shape, dtype="uint8", name="images")
    scaled = LAYERS.Flatten()(LAYERS.Rescaling(1 / 255)(images))
    network = keras.Model(images, LAYERS.Dense(1, activation="sigmoid")(scaled))
    exports, _ = export(network, contract, tmp_path)
    assert exports["onnx"].file == ""
    assert "install it with `pip install tf2onnx`" in caplog.text


def test_a_damaged_onnx_file_is_refused(tmp_path: Path) -> None:
    """So is one of another origin, whose input nobody knows."""
    (tmp_path / "torn.onnx").write_bytes(b"\x08\x09torn")
    with pytest.raises(ValueError, match="not an ONNX model of Pixelgate"):
        OnnxModel.open(tmp_path / "torn.onnx")


def test_a_trained_model_in_every_format(trainer: Trainer, tmp_path: Path) -> None:
    """ONNX and LiteRT answer as the model does, in 8 bits nearly; a bare process agrees."""
    trained = trainer.train(training={"epochs": 2, "model": "fast_cnn"})
    inputs = trainer.inputs()
    settings = ExportsConfig(litert=True, litert_int8=True)
    config = trainer.config(exports=settings.model_dump())
    with exported(trained.path, inputs, config) as folder:
        assert folder is not None
        exports = {each.format: each for each in read_exports(folder)}
        assert list(exports) == ["onnx", "litert", "litert_int8"]
        assert [each.failure for each in exports.values()] == ["", "", ""]
        assert exports["litert_int8"].size < 0.5 * exports["litert"].size
        assert exports["litert"].difference < 1e-5
        images = split_images(inputs, "test", most=6)
        files = [tmp_path / f"{number}.png" for number in range(len(images))]
        for file, image in zip(files, images, strict=True):
            Image.fromarray(image[..., 0]).save(file)
        # Not of the model's size, and on its side as phones store them.
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(images[0][..., 0]).resize((31, 47)).save(tmp_path / "p.jpg", exif=exif)
        answers = ask_bare_process(folder / "model.onnx", [*files, tmp_path / "p.jpg"], tmp_path)
    from tasks.generators.decoding import decoding_of

    decoding = decoding_of(inputs.contract)
    seen = np.stack(
        [decoding.decode(file.read_bytes(), 10**6) for file in [*files, tmp_path / "p.jpg"]]
    )
    expected = predict_here(trained.path, seen)
    np.testing.assert_allclose([answer[1] for answer in answers], expected, atol=1e-5)
    assert [answer[0] for answer in answers] == [
        inputs.contract.classes[number] for number in expected.argmax(axis=1)
    ]


def ask_bare_process(model: Path, files: list[Path], folder: Path) -> list[tuple[str, list[float]]]:
    """Answer files in a process with nothing but onnxruntime, Pillow and NumPy."""
    ended = subprocess.run(
        [sys.executable, "-I", "-c", BARE, model, *files],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_exports_are_kept_with_the_version(bench: Bench) -> None:
    """With a tag of their hash, which the ledger holds too."""
    with exported(bench.model, bench.inputs, bench.config) as folder:
        candidate = bench.register(exports=folder)
    kept = bench.store.model_path(candidate.version, EXPORTS)
    (record,) = read_exports(kept)
    tags = bench.store.client.get_model_version("bench", candidate.version).tags
    assert tags[tag_of("onnx")] == record.sha256
    images = split_images(bench.inputs, "test", most=4)
    np.testing.assert_allclose(
        OnnxModel.open(kept / record.file).predict(images),
        predict_here(bench.model, images),
        atol=1e-5,
    )
