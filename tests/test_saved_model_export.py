"""The SavedModel: it decodes files as Pillow does, and answers them with nothing of ours."""

from __future__ import annotations

import functools
import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tasks.config.exports import ExportsConfig
from tasks.exports.export import Samples, export_model, exported, fingerprint_of
from tasks.exports.export_record import EXPORTS, read_exports, tag_of
from tasks.exports.graph_decoding import decode_files
from tasks.exports.graph_resize import fit_image
from tasks.exports.saved_model_file import predict_saved_model, write_saved_model
from tasks.generators.decoding import Decoding, decoding_of
from tasks.models.contract import CHANNELS, InputContract
from tasks.storage.backup import back_up, restore
from tests.command_line import predict_here
from tests.encoded_files import (
    drawn,
    encoded,
    files_of_every_kind,
    files_on_their_side,
    refused_files,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.model_bench import Bench

WAYS = ("stretch", "pad", "crop", "center_crop")
SIDES = ((1, 1), (1, 9), (9, 1), (20, 33), (31, 17), (64, 48), (100, 3), (3, 100), (333, 251))
MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
MAX_PIXELS = 10**6
RANDOM = np.random.default_rng(0)

# What somebody without Pixelgate would write; what it needs is kept away from it.
BARE = """
import json, sys
sys.modules |= dict.fromkeys(("tasks", "PIL", "pandas", "onnxruntime", "mlflow"))
import tensorflow
answer = tensorflow.saved_model.load(sys.argv[1]).signatures["serving_default"]
files = tensorflow.constant([open(file, "rb").read() for file in sys.argv[2:]])
print(json.dumps(answer(image_bytes=files)["probabilities"].numpy().tolist()))
"""


@functools.cache
def graph_of(decoding: Decoding) -> Any:
    """Return the decoding as a graph, which takes seconds to build."""
    return tf.function(
        lambda files: decode_files(files, decoding),
        input_signature=[tf.TensorSpec((None,), tf.string)],
        autograph=False,
    )


def differing(files: dict[str, bytes], decoding: Decoding) -> list[str]:
    """Return the names of the files that the graph decodes otherwise than Pillow."""
    decoded = graph_of(decoding)(tf.constant(list(files.values()))).numpy()
    return [
        name
        for (name, data), image in zip(files.items(), decoded, strict=True)
        if not np.array_equal(image, decoding.decode(data, MAX_PIXELS))
    ]


@pytest.mark.parametrize(
    ("color_mode", "size"),
    [("grayscale", (28, 28)), ("rgb", (20, 33)), ("rgba", (33, 20)), ("rgba", (1, 7))],
)
def test_every_size_is_scaled_as_pillow_scales_it(color_mode: str, size: tuple[int, int]) -> None:
    """Enlarged and reduced, in the four ways, to the bit; also images of one row or column."""
    spec = tf.TensorSpec((None, None, CHANNELS[color_mode]), tf.uint8)
    fit = tf.function(
        lambda image: [fit_image(image, size, way) for way in WAYS],
        input_signature=[spec],
        autograph=False,
    )
    for height, width in SIDES:
        image = drawn(height, width, MODES[color_mode])
        fitted = fit(np.asarray(image).reshape(height, width, -1))
        for way, found in zip(WAYS, fitted, strict=True):
            expected = Decoding(size, color_mode, way).fit(image)
            np.testing.assert_array_equal(found, expected, f"{way} of {height} x {width}")


@pytest.mark.parametrize(
    "decoding",
    [
        Decoding((20, 24), "rgb", "crop"),
        Decoding((20, 24), "grayscale", "pad"),
        Decoding((20, 24), "rgba", "stretch"),
        Decoding((20, 24), "rgb", "center_crop", (100, 4000)),
    ],
    ids=lambda decoding: decoding.color_mode,
)
def test_every_format_is_decoded_as_pillow_decodes_it(decoding: Decoding) -> None:
    """JPEG, PNG, GIF, BMP and WebP, with palettes, transparency and 16 bits, to the bit."""
    assert differing(files_of_every_kind(), decoding) == []


def test_images_are_turned_upright() -> None:
    """By EXIF in either order of bytes, or else by XMP; damaged metadata turns nothing."""
    assert differing(files_on_their_side(), Decoding((20, 24), "rgb", "crop")) == []


@pytest.mark.parametrize("reason", refused_files())
def test_what_would_be_decoded_otherwise_is_refused(reason: str) -> None:
    """With the reason, so that nobody takes the answer for that of the Keras model."""
    decode = graph_of(Decoding((20, 24), "rgb", "crop"))
    with pytest.raises(tf.errors.InvalidArgumentError, match=reason.replace("'", ".*")):
        decode(tf.constant([refused_files()[reason]]))


def network_for(contract: InputContract) -> keras.Model:
    """Return a small network whose answers depend on all pixels."""
    images = keras.Input(contract.shape, dtype="uint8", name="images")
    scaled = keras.layers.Rescaling(1 / 255)(keras.layers.RandomFlip()(images))
    features = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3)(scaled))
    outputs = len(contract.classes)
    dense = keras.layers.Dense(outputs, activation="softmax")(keras.layers.Flatten()(features))
    return keras.Model(images, dense)


def test_a_process_with_only_tensorflow_answers_as_the_keras_model(tmp_path: Path) -> None:
    """From raw files of any size and format; the contract with the classes lies beside it."""
    contract = InputContract(("a", "b", "c"), 32, 24, "rgb", "categorical", "crop")
    network = network_for(contract)
    network.save(tmp_path / "model.keras")
    images = RANDOM.integers(0, 256, (12, *contract.shape), np.uint8)
    settings = ExportsConfig(onnx=False, saved_model=True)
    samples = Samples(images, images)
    (export,) = export_model(tmp_path / "model.keras", contract, samples, settings, tmp_path)
    assert (export.file, export.failure, export.images) == ("saved_model", "", 12)
    assert export.difference < 1e-6
    exif = Image.Exif()
    exif[0x0112] = 6
    contents = {
        "photograph.jpg": encoded(drawn(300, 400), "JPEG", exif=exif),
        "clear.png": encoded(drawn(40, 30, "RGBA"), "PNG"),
        "palette.gif": encoded(drawn(64, 48).convert("P"), "GIF", transparency=3),
        "plain.bmp": encoded(drawn(10, 90), "BMP"),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    decoding = decoding_of(contract)
    seen = np.stack([decoding.decode(data, MAX_PIXELS) for data in contents.values()])
    answers = ask_bare_process(tmp_path / "saved_model", [tmp_path / name for name in contents])
    np.testing.assert_allclose(answers, network.predict(seen, verbose=0), atol=1e-6)
    kept = json.loads((tmp_path / "saved_model/assets.extra/pixelgate_contract.json").read_text())
    assert InputContract.from_dict(kept) == contract


def ask_bare_process(folder: Path, files: list[Path]) -> list[list[float]]:
    """Answer files in a process that imports nothing but TensorFlow."""
    ended = subprocess.run(
        [sys.executable, "-I", "-c", BARE, folder, *files],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    answers: list[list[float]] = json.loads(ended.stdout)
    return answers


def test_a_folder_that_decodes_otherwise_is_noticed(tmp_path: Path) -> None:
    """Here it was written for another way of scaling."""
    contract = InputContract(("a", "b"), 16, 16, "rgb", "categorical", "stretch")
    write_saved_model(network_for(contract), contract, tmp_path / "saved_model")
    images = RANDOM.integers(0, 256, (2, *contract.shape), np.uint8)
    other = InputContract(("a", "b"), 16, 16, "rgb", "categorical", "pad")
    with pytest.raises(ValueError, match="it decodes files otherwise than Pillow: by up to"):
        predict_saved_model(tmp_path / "saved_model", other, images)


def test_an_export_that_fails_leaves_no_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says why; here images of other sizes than the network takes are decoded."""
    contract = InputContract(("a", "b"), 16, 16, "rgb", "categorical")
    network_for(contract).save(tmp_path / "model.keras")
    images = RANDOM.integers(0, 256, (2, *contract.shape), np.uint8)
    samples, settings = Samples(images, images), ExportsConfig(onnx=False, saved_model=True)
    other = InputContract(("a", "b"), 20, 20, "rgb", "categorical")
    with caplog.at_level(logging.WARNING, "pixelgate"):
        export_model(tmp_path / "model.keras", other, samples, settings, tmp_path / "exports")
    assert "no saved_model export of this model" in caplog.text
    assert [file.name for file in (tmp_path / "exports").iterdir()] == ["exports.json"]


def test_it_is_registered_with_the_hash_of_all_its_files(bench: Bench, tmp_path: Path) -> None:
    """Which is a tag of the version, and that of the files in the registry and in a backup."""
    config = bench.config.model_copy(
        update={"exports": ExportsConfig(onnx=False, saved_model=True)}
    )
    with exported(bench.model, bench.inputs, config) as folder:
        candidate = bench.register(exports=folder)
    kept = bench.store.model_path(candidate.version, EXPORTS)
    (record,) = read_exports(kept)
    tags = bench.store.client.get_model_version("bench", candidate.version).tags
    assert tags[tag_of("saved_model")] == record.sha256
    assert fingerprint_of(kept / record.file) == (record.sha256, record.size)
    images = RANDOM.integers(0, 256, (4, *bench.inputs.contract.shape), np.uint8)
    np.testing.assert_allclose(
        predict_saved_model(kept / record.file, bench.inputs.contract, images),
        predict_here(bench.model, images),
        atol=1e-6,
    )
    back_up(bench.config.paths, tmp_path / "backup.tar")
    elsewhere = bench.at_home(tmp_path / "elsewhere")
    restore(elsewhere.config.paths, tmp_path / "backup.tar")
    restored = elsewhere.store.model_path(candidate.version, EXPORTS) / record.file
    assert fingerprint_of(restored) == (record.sha256, record.size)
    with (restored / "variables/variables.index").open("ab") as changed:
        changed.write(b"x")
    assert fingerprint_of(restored)[0] != record.sha256
