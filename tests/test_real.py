"""MNIST and CIFAR-10 as files, with the settings as they are: `make test-real DATA=folder`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.command_line import Command
    from tests.gate_keeper import GateKeeper

pytestmark = pytest.mark.real

CONFIGS = Path(__file__).parents[1] / "deployments/configs"


def data_set(name: str) -> Path:
    """Return the folder of a data set below PIXELGATE_REAL_DATA."""
    return Path(os.environ["PIXELGATE_REAL_DATA"]).absolute() / name


def test_mnist_is_promoted_then_unchanged_then_news(pixelgate: Command, tmp_path: Path) -> None:
    """At least 99.2% with default settings; again in seconds; one new file is news."""
    folder = tmp_path / "mnist"
    shutil.copytree(data_set("mnist_png"), folder)
    first = pixelgate("run", "--data", folder, "--json", flow=True, minutes=30)
    assert first.json["outcome"] == "promoted", first.err
    assert first.json["metrics"]["accuracy"] >= 0.992
    again = pixelgate("run", "--data", folder, "--json", flow=True)
    assert again.json["outcome"] == "unchanged"
    trained = sum(stage["seconds"] for stage in first.json["stages"])
    assert sum(stage["seconds"] for stage in again.json["stages"]) < trained / 5
    source = next((folder / "training/7").iterdir())
    (folder / "training/7/new.png").write_bytes(source.read_bytes())
    news = pixelgate(
        "run", "--data", folder, "--set", "training.epochs=1", "--json", flow=True, minutes=30
    )
    assert "train" in [stage["name"] for stage in news.json["stages"]]
    assert news.json["data_fingerprint"] != first.json["data_fingerprint"]


def test_cifar_10_runs_by_pointing_at_it(pixelgate: Command) -> None:
    """Another size, colour and format, and nothing is set."""
    ended = pixelgate("run", "--data", data_set("cifar10"), "--json", flow=True, minutes=30)
    assert ended.json["outcome"] == "promoted", ended.err
    assert ended.json["metrics"]["accuracy"] > 0.7


def test_the_tutorials_settings_run_as_they_stand(pixelgate: Command) -> None:
    """tutorial.toml, ten epochs of basic_cnn on MNIST."""
    ended = pixelgate(
        *("run", "--data", data_set("mnist_png"), "--config", CONFIGS / "tutorial.toml", "--json"),
        flow=True,
        minutes=60,
    )
    assert ended.json["outcome"] == "promoted", ended.err
    assert ended.json["metrics"]["accuracy"] > 0.95


DATA_SETS = {"mnist": ("mnist_png", "testing", ".png"), "cifar": ("cifar10", "test", ".jpg")}


class Copy:
    """A copy of a data set that takes one fault at a time and is put back after it."""

    def __init__(self, source: Path, place: Path, test: str, suffix: str) -> None:
        shutil.copytree(source, place)
        self.source, self.place, self.test, self.suffix = source, place, test, suffix
        self.train = "training" if test == "testing" else "train"
        self.labels = sorted(folder.name for folder in (place / test).iterdir())

    def files(self, split: str, label: str) -> list[Path]:
        """Return the files of a class in a split."""
        return sorted((self.place / split / label).iterdir())

    def put_back(self) -> None:
        """Make the copy as the source is."""
        known = {file.relative_to(self.source) for file in self.source.rglob("*.*")}
        for file in self.place.rglob("*.*"):
            if file.relative_to(self.place) not in known:
                file.unlink()
        for path in known:
            before, now = (self.source / path).stat(), self.place / path
            if not now.exists() or now.stat().st_mtime_ns != before.st_mtime_ns:
                now.parent.mkdir(exist_ok=True)
                shutil.copy2(self.source / path, now)
        for folder in self.place.glob("*/*"):
            if not any(folder.iterdir()):
                folder.rmdir()


def resave(file: Path, place: Path, how: Callable[[Image.Image], Image.Image]) -> None:
    """Write a changed image."""
    with Image.open(file) as image:
        changed = how(image.copy())
    changed.save(place, quality=95)


def plant_truncated(copy: Copy) -> None:
    """One upload in 70,000 broke off."""
    file = copy.files(copy.train, copy.labels[3])[17]
    file.write_bytes(file.read_bytes()[:150])


def plant_blank(copy: Copy) -> None:
    """One image shows nothing."""
    file = copy.files(copy.train, copy.labels[1])[5]
    resave(file, file, lambda image: Image.new(image.mode, image.size))


def plant_false_suffix(copy: Copy) -> None:
    """One file is of another format than it says."""
    file = copy.files(copy.train, copy.labels[2])[5]
    with Image.open(file) as image:
        image.load()
    image.save(file, "BMP")


def plant_odd_size(copy: Copy) -> None:
    """One image was cut."""
    file = copy.files(copy.train, copy.labels[4])[9]
    resave(file, file, lambda image: image.crop((0, 0, 20, 27)))


def plant_odd_mode(copy: Copy) -> None:
    """One image is of another mode."""
    file = copy.files(copy.train, copy.labels[4])[11]
    other = "RGB" if copy.suffix == ".png" else "L"
    resave(file, file, lambda image: image.convert(other))


def plant_two_labels(copy: Copy) -> None:
    """One image stands in two classes."""
    file = copy.files(copy.train, copy.labels[0])[3]
    shutil.copy(file, copy.place / copy.train / copy.labels[7] / f"twice{copy.suffix}")


def plant_leak(copy: Copy) -> None:
    """One training image is tested on."""
    file = copy.files(copy.train, copy.labels[6])[3]
    shutil.copy(file, copy.place / copy.test / copy.labels[6] / f"leak{copy.suffix}")


def plant_near_leak(copy: Copy) -> None:
    """Forty training images are tested on, a little brighter."""
    for number, file in enumerate(copy.files(copy.train, copy.labels[6])[:40]):
        place = copy.place / copy.test / copy.labels[6] / f"near{number}{copy.suffix}"
        resave(file, place, lambda image: image.point(lambda value: min(255, value + 5)))


def plant_copies(copy: Copy) -> None:
    """Two classes were uploaded twice."""
    for label in copy.labels[:2]:
        for file in copy.files(copy.train, label):
            shutil.copy(file, file.with_name(f"again_{file.name}"))


def plant_two_spellings(copy: Copy) -> None:
    """A class in two spellings."""
    label = copy.labels[5]
    folder = copy.place / copy.train / f"{label} "
    folder.mkdir()
    for file in copy.files(copy.train, label)[:500]:
        file.rename(folder / file.name)


def plant_tiny_class(copy: Copy) -> None:
    """A class of six images."""
    for split, kept in ((copy.train, 4), (copy.test, 2)):
        for file in copy.files(split, copy.labels[8])[kept:]:
            file.unlink()


def plant_relabelled(copy: Copy) -> None:
    """A fifth of a class dragged into another."""
    for file in copy.files(copy.train, copy.labels[0])[:1200]:
        file.rename(copy.place / copy.train / copy.labels[9] / f"moved_{file.name}")


def plant_half_gone(copy: Copy) -> None:
    """Half of the training files were not delivered."""
    for label in copy.labels:
        for file in copy.files(copy.train, label)[::2]:
            file.unlink()


def plant_dark(copy: Copy) -> None:
    """Three thousand newcomers with the lamp off."""
    for label in copy.labels:
        for file in copy.files(copy.train, label)[:300]:
            place = file.with_name(f"dark_{file.name}")
            with Image.open(file) as image:
                turned = image.transpose(Image.Transpose.ROTATE_90)
            turned.point(lambda value: value // 4).save(place, quality=95)


FAULTS = {
    plant_truncated: "decodes",
    plant_blank: "not_blank",
    plant_false_suffix: "format_matches_extension",
    plant_odd_size: "sizes",
    plant_odd_mode: "modes",
    plant_two_labels: "conflicting_labels",
    plant_leak: "leakage",
    plant_near_leak: "near_leakage",
    plant_copies: "exact_duplicates",
    plant_two_spellings: "label_names",
    plant_tiny_class: "class_size",
    plant_relabelled: "relabelled",
    plant_half_gone: "volume",
    plant_dark: "drift_brightness",
}


@pytest.mark.parametrize("name", DATA_SETS)
def test_the_gate_lets_the_set_pass_and_catches_each_fault(
    keeper: GateKeeper, tmp_path: Path, name: str
) -> None:
    """As they are: no failure at all under the default settings. Then one fault at a time."""
    folder, test, suffix = DATA_SETS[name]
    copy = Copy(data_set(folder), tmp_path / name, test, suffix)
    clean = keeper.accept(copy.place)
    assert clean.accepted
    assert clean.failures == []
    missed = {}
    for plant, rule in FAULTS.items():
        plant(copy)
        verdict = keeper.judge(copy.place, label_errors={"check": False})
        broken = {finding.rule for finding in verdict.failures}
        if rule not in broken:
            missed[plant.__name__] = broken
        copy.put_back()
    assert missed == {}
    assert keeper.judge(copy.place, label_errors={"check": False}).failures == []
