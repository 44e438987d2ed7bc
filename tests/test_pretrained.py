"""EfficientNet-Lite0 in Keras: its weights, where they come from, and what it says of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from tasks.config.training import TrainingConfig
from tasks.embedding.lite_onnx import to_onnx
from tasks.embedding.pinned_checkpoint import imagenet_weights, require_checkpoint
from tasks.errors import DamagedFileError, SettingsError
from tasks.models.architectures import build_model
from tasks.models.contract import InputContract
from tasks.models.efficientnet_lite import lite_weights
from tasks.models.pretrained import load_pretrained
from tasks.runtime import pretrained_weights
from tasks.runtime.pretrained_weights import PRETRAINED
from tasks.training.feature_engine import open_engine
from tasks.training.initial_weights import load_imagenet_weights

if TYPE_CHECKING:
    from pathlib import Path

# What efficientnet-lite-pytorch 0.1.0 says of two photographs with PyTorch 2.13 on a CPU: the
# length of the 1280 features, and every 128th of them.
PHOTOGRAPHS = [
    (
        ("china.jpg", slice(100, 324), slice(200, 424)),
        15.11884,
        [0.0, 0.0, 0.61844, 0.0, 0.15755, 0.15747, 0.0, 0.11306, 1.09085, 0.0],
    ),
    (
        ("flower.jpg", slice(50, 210), slice(300, 492)),
        24.39435,
        [0.0, 0.01141, 0.0, 0.0422, 0.00762, 0.0, 0.0, 0.0, 0.0, 0.03401],
    ),
]

CONTRACT = InputContract(("a", "b", "c"), 32, 40, "rgb", "sparse")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the network is converted once."""
    return tmp_path_factory.mktemp("converted")


@pytest.fixture(scope="module")
def base(cache: Path) -> keras.Model:
    """Return the network with its ImageNet weights."""
    return load_pretrained(cache)


@pytest.mark.parametrize("engine", ["onnxruntime", "tensorflow"])
def test_features_are_those_of_the_reference(
    base: keras.Model, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On real photographs of two shapes, by either engine, up to the order of additions."""
    monkeypatch.setattr("tasks.training.feature_engine.has_engine", lambda: engine != "tensorflow")
    network = base if engine == "onnxruntime" else _of_any_size(base)
    name, compute = open_engine(network)
    assert name == engine
    for (photograph, rows, columns), length, some in PHOTOGRAPHS:
        images = load_sample_image(photograph)[rows, columns][None]
        (features,) = compute(images)
        assert np.linalg.norm(features) == pytest.approx(length, rel=1e-4)
        assert features[::128] == pytest.approx(np.array(some), abs=1e-3)


def _of_any_size(base: keras.Model) -> keras.Model:
    from tasks.models.efficientnet_lite import efficientnet_lite0

    network = efficientnet_lite0((None, None, 3))
    network.set_weights(base.get_weights())
    return network


@pytest.mark.real
def test_features_are_those_of_the_reference_here(base: keras.Model) -> None:
    """With the extra `reference`: all features of both photographs."""
    torch = pytest.importorskip("torch")
    from efficientnet_lite_pytorch import EfficientNet

    file = str(require_checkpoint())
    reference = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=file).eval()
    _, compute = open_engine(base)
    for (photograph, rows, columns), *_ in PHOTOGRAPHS:
        image = load_sample_image(photograph)[rows, columns]
        scaled = torch.from_numpy((image.transpose(2, 0, 1)[None].astype("float32") - 127) / 128)
        with torch.no_grad():
            wanted = reference.extract_features(scaled).mean((2, 3)).numpy()
        np.testing.assert_allclose(compute(image[None]), wanted, atol=1e-3)


def test_the_network_is_the_same_without_keras(base: keras.Model) -> None:
    """Converted from the checkpoint itself, where TensorFlow would take seconds to import."""
    assert to_onnx(imagenet_weights()) == to_onnx(lite_weights(base))


def test_an_image_has_the_same_features_in_any_company(base: keras.Model) -> None:
    """Whatever images are computed with it, and in whatever order the threads end."""
    images = np.random.default_rng(0).integers(0, 256, (19, 32, 32, 3), np.uint8)
    _, compute = open_engine(base)
    together = compute(images)
    np.testing.assert_array_equal(together[[17]], compute(images[[17]]))
    np.testing.assert_array_equal(together, compute(images))


def test_the_model_by_name_scales_as_its_base_expects(base: keras.Model, cache: Path) -> None:
    """Whatever generators.rescale is, the base gets what the reference got."""
    image = load_sample_image("china.jpg")[None, 100:132, 200:240]
    scaled = (image.astype("float32") - 127) / 128
    settings = TrainingConfig(model=PRETRAINED)
    wanted = None
    for rescale in (None, 1 / 255):
        model = build_model(CONTRACT, settings, rescale=rescale)
        load_imagenet_weights(model, PRETRAINED, cache)
        network = model.get_layer(PRETRAINED)
        inside = keras.Model(model.inputs, model.layers[-1].input)
        wanted = network(scaled) if wanted is None else wanted
        np.testing.assert_allclose(inside([image]), wanted, atol=1e-4)
    assert base.count_params() == network.count_params() == 3_413_024


@pytest.mark.parametrize(
    ("contract", "message"),
    [
        (InputContract(("a", "b"), 32, 32, "grayscale", "sparse"), "takes rgb images"),
        (InputContract(("a", "b"), 24, 64, "rgb", "sparse"), "Received: 24 x 64 pixels"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(contract: InputContract, message: str) -> None:
    """Gray images, or too small ones, with what to set."""
    with pytest.raises(SettingsError, match=message):
        build_model(contract, TrainingConfig(model=PRETRAINED), rescale=None)


def test_the_converted_network_is_kept_and_verified(base: keras.Model, cache: Path) -> None:
    """A kept file that changed is set aside, and the network converted again."""
    (kept,) = cache.glob(f"{PRETRAINED}-*")
    file = kept / "model.keras"
    with file.open("r+b") as opened:
        opened.seek(1000)
        opened.write(b"changed")
    again = load_pretrained(cache)
    for mine, theirs in zip(again.get_weights(), base.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert file.is_file()


def test_another_checkpoint_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bit of it is enough; and where the package is missing, the message names it."""
    data = bytearray(require_checkpoint().read_bytes())
    data[-1] ^= 1
    file = tmp_path / "weights.pth"
    file.write_bytes(data)
    monkeypatch.setattr("tasks.embedding.pinned_checkpoint.find_checkpoint", lambda: file)
    with pytest.raises(DamagedFileError, match="nothing of it was read"):
        load_pretrained(None)
    monkeypatch.setattr("tasks.embedding.pinned_checkpoint.find_checkpoint", lambda: None)
    with pytest.raises(SettingsError, match=r"pip install 'pixelgate\[pretrained\]'"):
        load_pretrained(None)


def test_a_package_that_is_not_installed_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is one whose parent can't be imported."""
    assert pretrained_weights.has_engine()
    monkeypatch.setattr(pretrained_weights, "PACKAGE", "no_such_package")
    assert pretrained_weights.find_checkpoint() is None
    monkeypatch.setattr(pretrained_weights, "PACKAGE", "no_such_package.inner")
    assert pretrained_weights.find_checkpoint() is None


def test_imagenet_weights_of_keras_need_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is none, one sentence says what else would do; other models have none."""
    # Nobody listens there, whatever this machine's network is like.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    settings = TrainingConfig(model="MobileNetV2", weights="imagenet")
    model = build_model(CONTRACT, settings, rescale=1 / 255)
    (network,) = (layer for layer in model.layers if isinstance(layer, keras.Model))
    image = load_sample_image("china.jpg")[None, 100:132, 200:240]
    features = keras.Model(model.inputs, model.layers[-1].input)([image])
    np.testing.assert_allclose(features, network(image / 127.5 - 1), atol=1e-4)
    with pytest.raises(SettingsError, match="Keras can't load the weights of MobileNetV2"):
        load_imagenet_weights(model, "MobileNetV2", None)
    plain = build_model(CONTRACT, TrainingConfig(model="fast_cnn"), rescale=1 / 255)
    with pytest.raises(SettingsError, match="needs a backbone of keras"):
        load_imagenet_weights(plain, "fast_cnn", None)
