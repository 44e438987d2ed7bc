"""The gate and files that are no images: no class vanishes without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.gate_keeper import GateKeeper, broken_rules

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.validation.verdict import Finding, Verdict
    from tests.image_trees import Tree


def finding_of(verdict: Verdict, rule: str) -> Finding:
    """Return the finding of a rule."""
    return next(finding for finding in verdict.findings if finding.rule == rule)


def into_raw(root: Path) -> None:
    """Make a class one of raw photographs, which only look like images."""
    for file in (root / "elk").iterdir():
        file.write_bytes(b"II*\0raw")
        file.rename(file.with_suffix(".nef"))


def into_rubbish(root: Path) -> None:
    """Cut every file of a class short."""
    for file in (root / "elk").iterdir():
        file.write_bytes(file.read_bytes()[:20])


def into_archive(root: Path) -> None:
    """Leave an archive in place of the images."""
    for file in (root / "elk").iterdir():
        file.unlink()
    (root / "elk/elk.zip").write_bytes(b"PK")


def into_nothing(root: Path) -> None:
    """Leave a link whose folder is on a disk that isn't there."""
    for file in (root / "elk").iterdir():
        file.unlink()
    (root / "elk").rmdir()
    (root / "elk").symlink_to(root.parent / "unmounted/elk")


@pytest.mark.parametrize(
    ("spoil", "example"),
    [
        (into_nothing, "class elk: no extension 1, a link that leads nowhere"),
        (into_raw, "class elk: .nef 12, a raw photograph; export it as JPEG or PNG"),
        (into_rubbish, "class elk: 12 files, none of which can be read ("),
        (into_archive, "class elk: .zip 1, an archive; unpack it"),
    ],
)
def test_a_class_without_readable_images_stops_the_run(
    keeper: GateKeeper, image_tree: Tree, spoil: Callable[[Path], None], example: str
) -> None:
    """Whatever the reason, the class is named; the other two alone would have been accepted."""
    root = image_tree({"cat": 40, "dog": 40, "elk": 12})
    spoil(root)
    verdict = keeper.judge(root)
    finding = finding_of(verdict, "unread_classes")
    assert not verdict.accepted
    assert finding.stops
    assert finding.examples[0].startswith(example)
    assert "unread_classes: 1 class (class elk" in verdict.headline


def test_images_named_as_texts_are_a_class(keeper: GateKeeper, image_tree: Tree) -> None:
    """Where a folder holds no other images, and with their format in the message."""
    root = image_tree({"cat": 40, "dog": 40, "elk": 20})
    for file in (root / "elk").iterdir():
        file.rename(file.with_suffix(".txt"))
    (root / "elk/notes.csv").write_text("no image")
    verdict = keeper.judge(root)
    assert verdict.accepted
    assert broken_rules(verdict) == {"format_matches_extension"}
    finding = finding_of(verdict, "format_matches_extension")
    assert finding.examples[0] == "elk/000.txt: PNG inside"


def test_folders_of_documents_are_no_classes(keeper: GateKeeper, image_tree: Tree) -> None:
    """Annotations, scripts and notes beside the classes change nothing."""
    root = image_tree({"cat": 40, "dog": 40})
    for name in ("annotations/1.xml", "docs/notes.txt", "scripts/run.py", "labels/cat.txt"):
        (root / name).parent.mkdir()
        (root / name).write_text("text")
    (root / "cat/000.txt").write_text("a caption of 000.png")
    verdict = keeper.judge(root)
    assert broken_rules(verdict) == set()
    assert finding_of(verdict, "passed_over").observed == "0 of 80 files passed over"


def test_an_empty_class_folder_is_a_warning_with_its_name(
    keeper: GateKeeper, image_tree: Tree
) -> None:
    """Also if an operating system has left something in it."""
    root = image_tree({"cat": 40, "dog": 40})
    (root / "fox/deep").mkdir(parents=True)
    (root / "fox/Thumbs.db").write_bytes(b"x")
    verdict = keeper.judge(root)
    assert verdict.accepted
    assert broken_rules(verdict) == {"empty_classes"}
    assert finding_of(verdict, "empty_classes").examples == ("class fox: an empty folder",)


def test_the_share_of_passed_over_files_is_judged_by_extension(
    keeper: GateKeeper, image_tree: Tree
) -> None:
    """A few are a note, many are a warning, and the threshold and severity are settings."""
    root = image_tree({"cat": 40, "dog": 40})
    for number in range(4):
        (root / f"cat/photo{number}.cr2").write_bytes(b"II*\0")
        (root / f"dog/clip{number}.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    verdict = keeper.judge(root)
    assert broken_rules(verdict) == set()
    assert any("8 of 88 files passed over" in note for note in verdict.notes)
    (root / "cat/photo4.cr2").write_bytes(b"II*\0")
    assert broken_rules(keeper.judge(root)) == {"passed_over"}
    strict = keeper.judge(root, passed_over={"max_share": 0.01, "severity": "critical"})
    assert not strict.accepted
    finding = finding_of(strict, "passed_over")
    assert finding.examples[0] == (
        ".cr2: 5 files (5.6%), a raw photograph; export it as JPEG or PNG"
    )
    assert broken_rules(keeper.judge(root, passed_over={"max_share": 0.06})) == set()
