"""`pixelgate models add`, `list` and `remove`: what an operator sees, also of wrong files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.image_trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command_line import Command


def test_a_wrong_file_hides_no_other_model_and_can_be_removed(
    pixelgate: Command, tmp_path: Path
) -> None:
    """Its fault is said with exit code 2; the others are listed."""
    data = write_tree(tmp_path / "photos", {"cat": 1})
    for name in ("photos", "torn"):
        assert pixelgate("models", "add", name, "--data", data, "--every", "6h").code == 0
    file = tmp_path / "home/models/torn.toml"
    file.write_text("data = ", "utf-8")
    ended = pixelgate("models", "list", "--json")
    assert ended.code == 2
    assert [each["name"] for each in ended.json] == ["photos"]
    assert "torn.toml can't be read as TOML" in ended.err
    assert pixelgate("models", "remove", "torn").code == 0
    assert not file.exists()
    assert pixelgate("models", "list").code == 0


def test_only_an_installed_model_is_removed(pixelgate: Command, tmp_path: Path) -> None:
    """A name is no path: no file elsewhere is touched."""
    data = write_tree(tmp_path / "photos", {"cat": 1})
    assert pixelgate("models", "add", "photos", "--data", data, "--every", "6h").code == 0
    other = tmp_path / "home/other.toml"
    other.write_bytes((tmp_path / "home/models/photos.toml").read_bytes())
    ended = pixelgate("models", "remove", "../other")
    assert ended.code == 2
    assert "There is no model named ../other" in ended.err
    assert other.exists()
