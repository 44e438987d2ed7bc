"""Every image is decoded once: while the inventory has it open, or for the first array of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.errors import ImagesChangedError
from tasks.generators import decode_cache
from tasks.generators.decoded_array import DecodedArray
from tasks.generators.eager_decode import EagerDecoder
from tasks.generators.inputs import Inputs, build_inputs
from tasks.generators.pipelines import pixels_of
from tasks.inventory.columns import readable
from tasks.inventory.scan import inventory_of
from tests.image_trees import config_for, in_mode
from tests.processes import leave_half_written

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.config.schema import RetrainConfig
    from tests.image_trees import Tree


def eager_decoder(config: RetrainConfig) -> EagerDecoder:
    """Return the decoder that an inventory of this model's data feeds."""
    return EagerDecoder(config.generators, config.data, config.paths)


def inputs_for(root: Path, *, eager: bool = False, **parts: object) -> Inputs:
    """Take inventory, decoding eagerly or not, and build the inputs."""
    config = config_for(root, **parts)
    with eager_decoder(config) as decoder:
        inventory = inventory_of(config, eager_decoder=decoder if eager else None)
    return build_inputs(inventory, config, directory=root.parent / "run")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are decoded from their files from now on."""
    paths: list[str] = []
    decode = decode_cache._decode  # noqa: SLF001 - what reads files once more, whose calls are counted

    def counted(array: DecodedArray, images: pd.DataFrame, *others: object) -> None:
        paths.extend(images["path"])
        decode(array, images, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(decode_cache, "_decode", counted)
    return paths


def odd_images(root: Path) -> None:
    """Write images of every mode and orientation, animated ones among them."""
    random = np.random.default_rng(0)
    for number, mode in enumerate(("L", "RGB", "RGBA", "P", "CMYK", "I;16", "LA", "1") * 6):
        pixels = random.integers(0, 255, (20, 24), np.uint8)
        image = in_mode(pixels, mode)
        exif = Image.Exif()
        exif[0x0112] = 1 + number % 8
        folder = root / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        if mode in ("RGB", "CMYK"):
            image.save(folder / f"{number}.jpg", exif=exif)
        elif mode == "P":
            more = [Image.fromarray(255 - pixels).convert("P")] * 2
            image.save(folder / f"{number}.gif", save_all=True, append_images=more)
        else:
            image.save(folder / f"{number}.png")


def test_what_the_inventory_opened_is_not_decoded_again(tmp_path: Path, decoded: list[str]) -> None:
    """Images of every kind are the same, decoded eagerly or from their files, to the pixel."""
    root = tmp_path / "data"
    odd_images(root)
    for resize in ("stretch", "pad", "crop", "center_crop"):
        for mode in ("grayscale", "rgb", "rgba"):
            sides = {"target_size": 13, "color_mode": mode, "resize": resize}
            alone = inputs_for(root, generators=sides, home=tmp_path / "alone")
            decoded.clear()
            home = tmp_path / f"{resize} {mode}"
            eager = inputs_for(root, eager=True, generators=sides, home=home)
            assert not decoded
            assert np.array_equal(np.load(eager.pixels), np.load(alone.pixels))
            assert [file.name for file in eager.pixels.parent.parent.iterdir()] == [
                eager.pixels.parent.name
            ]


def test_what_the_model_is_fed_is_guessed_from_the_images(
    image_tree: Tree, decoded: list[str]
) -> None:
    """Without settings the common size and mode are taken; in processes as in this one."""
    root = image_tree({"cat": 2_100, "dog": 2_100}, size=(9, 7), mode="RGB")
    inputs = inputs_for(root, eager=True)
    assert not decoded
    assert inputs.contract.shape == (9, 7, 3)
    index = pd.read_parquet(inputs.index)
    for row in (0, 1_024, 4_199):
        expected = np.asarray(Image.open(root / index["path"][row]))
        assert np.array_equal(pixels_of(inputs.pixels, np.array([row]))[0], expected)


def test_a_wrong_guess_is_made_good(image_tree: Tree, decoded: list[str]) -> None:
    """Where the sample is not like the whole, files are decoded afterwards."""
    root = image_tree({"cat": 40, "dog": 40})
    for number, file in enumerate(sorted(root.rglob("*.png"))):
        Image.new("L", (20 + number, 30), number).save(file)
    inputs = inputs_for(root, eager=True, home=root.parent / "all differ")
    assert inputs.contract.size == (40, 40)
    assert not decoded
    for number, file in enumerate(sorted(root.rglob("*.png"))):
        # The sample takes every second file.
        Image.new("L", (20, 30) if number % 2 == 0 or number < 8 else (11, 11), number).save(file)
    inputs = inputs_for(root, eager=True, home=root.parent / "sample differs")
    assert inputs.contract.size == (24, 24)
    assert len(decoded) == 80


def test_a_damaged_image_leaves_a_gap_and_no_trace(image_tree: Tree, decoded: list[str]) -> None:
    """What can't be read is left out; the others are not decoded again."""
    root = image_tree()
    (root / "cat/003.png").write_bytes((root / "cat/003.png").read_bytes()[:60])
    os.mkfifo(root / "cat/pipe.png")
    config = config_for(root)
    with eager_decoder(config) as decoder:
        inventory = inventory_of(config, eager_decoder=decoder)
    inputs = build_inputs(inventory, config, directory=root.parent / "run")
    assert not decoded
    assert len(np.load(inputs.pixels)) == len(readable(inventory)) == 79
    index = pd.read_parquet(inputs.index)
    for row in (0, 3, 78):
        expected = np.asarray(Image.open(root / index["path"][row]))
        assert np.array_equal(np.load(inputs.pixels)[row, ..., 0], expected)


def test_only_new_images_are_decoded(image_tree: Tree, decoded: list[str]) -> None:
    """Those of the run before are copied, wherever they stand now."""
    root = image_tree()
    inputs_for(root)
    assert len(decoded) == 80
    decoded.clear()
    Image.new("L", (16, 16), 77).save(root / "cat/0000.png")
    (root / "dog/007.png").rename(root / "cat/moved.png")
    inputs = inputs_for(root)
    assert decoded == ["cat/0000.png"]
    index = pd.read_parquet(inputs.index)
    expected = [np.asarray(Image.open(root / path)) for path in index["path"]]
    assert np.array_equal(np.load(inputs.pixels)[..., 0], np.stack(expected))


def test_an_inventory_that_fails_leaves_nothing(image_tree: Tree) -> None:
    """Half-decoded images are removed, whatever happens."""
    root = image_tree()
    config = config_for(root)

    def stop(config: RetrainConfig) -> None:
        with eager_decoder(config) as decoder:
            assert decoder.begin(root, ["cat/003.png"]) is not None
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop(config)
    assert not list((config.paths.state / "decoded").iterdir())


def test_without_room_nothing_is_decoded_eagerly(
    image_tree: Tree, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The inventory is taken all the same; decoding for training tells of the full disk."""

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "posix_fallocate", full)
    config = config_for(image_tree())
    with caplog.at_level("INFO"), eager_decoder(config) as decoder:
        assert len(inventory_of(config, eager_decoder=decoder)) == 80
    assert "not decoded during the inventory" in caplog.text
    assert not list((config.paths.state / "decoded").iterdir())


def test_images_are_decoded_once(image_tree: Tree, decoded: list[str]) -> None:
    """The second time the array is found."""
    root = image_tree()
    first = inputs_for(root)
    decoded.clear()
    assert inputs_for(root).pixels == first.pixels
    assert not decoded


def test_the_cache_holds_the_files_pixels(image_tree: Tree) -> None:
    """Each row of the array is the image of the index's row."""
    root = image_tree()
    inputs = inputs_for(root)
    index = pd.read_parquet(inputs.index)
    for row in (0, 33, 79):
        expected = np.asarray(Image.open(root / index["path"][row]))
        assert np.array_equal(pixels_of(inputs.pixels, np.array([row]))[0, ..., 0], expected)
        assert index["label"][row] == index["path"][row].split("/")[0]


def test_a_torn_cache_is_made_anew(image_tree: Tree) -> None:
    """A file cut short, or full of noise, is not believed, neither as it is nor to copy from."""
    root = image_tree()
    first = inputs_for(root)
    digests = DecodedArray(first.pixels.parent).digests
    whole = first.pixels.read_bytes()
    noise = bytearray(whole)
    noise[-2000:] = bytes(range(200)) * 10
    for torn in (whole[:1000], b"", b"no array", bytes(noise)):
        first.pixels.write_bytes(torn)
        assert inputs_for(root).pixels.read_bytes() == whole
    for number, torn in enumerate((digests.read_bytes()[:200], b"")):
        before = np.load(first.pixels)
        DecodedArray(first.pixels.parent).digests.write_bytes(torn)
        (root / f"cat/{number:03d}.png").unlink()
        fewer = inputs_for(root)
        assert np.array_equal(np.load(fewer.pixels), before[1:])
        first = fewer


def test_a_file_that_changed_since_the_inventory_is_named(image_tree: Tree) -> None:
    """What is trained on is what was judged."""
    root = image_tree()
    config = config_for(root)
    inventory = inventory_of(config)
    (root / "cat/003.png").write_bytes((root / "dog/003.png").read_bytes())
    (root / "dog/005.png").unlink()
    with pytest.raises(ImagesChangedError, match=r"(?s)2 files.*cat/003\.png.*dog/005\.png"):
        build_inputs(inventory, config, directory=root.parent / "run")
    assert not list((config.paths.state / "decoded").iterdir())


def test_old_caches_are_forgotten(image_tree: Tree) -> None:
    """Disk use does not grow with every version of the data, nor with runs that were killed."""
    root = image_tree()
    folder = config_for(root).paths.state / "decoded"
    folder.mkdir(parents=True)
    leave_half_written(folder, "pixels.npy")
    for side in range(10, 10 + decode_cache.KEPT + 3):
        inputs = inputs_for(root, generators={"target_size": side})
    kept = sorted(entry.name for entry in folder.iterdir())
    assert kept[0] == ".1234abcd.running"
    assert len(kept) == 1 + decode_cache.KEPT
    assert inputs.pixels.exists()
