"""The demo's data: scikit-learn's handwritten digits, written as a user's folder would be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

FULL_INTENSITY = 16.0
# A model that learned anything reaches this on digits; it shows what the floor is for.
SETTINGS: dict[str, Any] = {"name": "digits", "registry.min_accuracy": 0.97}


def write_digits(folder: Path) -> Path:
    """Write the 1,797 digits as 8 x 8 grayscale PNG files, folder/<class>/<number>.png.

    Existing files are not written again, so that damage a user tries out stays there.
    """
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        file = folder / str(label) / f"{number:04d}.png"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = (image * (255 / FULL_INTENSITY)).round().astype("uint8")
            Image.fromarray(pixels).save(file)
    return folder


def next_steps(folder: Path, home: Path) -> str:
    """Return commands to try after the demo."""
    return f"""
Try next:
  pixelgate predict {folder}/7 --name digits --home {home} | head
  pixelgate demo --home {home}             (again: unchanged, nothing new to learn)
  truncate -s 100 {folder}/3/0003.png; pixelgate demo --home {home}     (the gate rejects it)
  pixelgate runs --home {home}
  pixelgate run --data YOUR_FOLDER"""
