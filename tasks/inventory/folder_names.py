"""What folders are usually called: splits, images, masks, parts, unlabelled images.

A name is taken apart into words: `Train_Set`, `trainImages` and `seg-train2` are all about train.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from tasks.inventory.columns import TEST, TRAIN, VALIDATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SPLIT_WORDS = {
    **dict.fromkeys(
        (
            "train", "training", "trn", "trainval", "trainingsdaten", "entrenamiento", "treino",
            "treinamento", "entrainement", "entraînement", "apprentissage", "训练", "训练集",
        ),
        TRAIN,
    ),
    **dict.fromkeys(
        (
            "val", "valid", "validate", "validation", "validating", "dev", "devel", "development",
            "eval", "evaluate", "evaluation", "validierung", "validierungsdaten", "validacion",
            "validación", "validacao", "validação", "验证", "验证集",
        ),
        VALIDATION,
    ),
    **dict.fromkeys(
        (
            "test", "tests", "testing", "tst", "holdout", "heldout", "testdaten", "teste",
            "prueba", "pruebas", "测试", "测试集",
        ),
        TEST,
    ),
}  # fmt: skip
# Words that don't change what a folder is: `train_images_224` is still train.
FILLERS = frozenset(
    (
        "set", "sets", "data", "dataset", "datasets", "image", "images", "img", "imgs", "picture",
        "pictures", "pics", "photo", "photos", "jpg", "jpeg", "png", "seg", "cls", "split",
        "splits", "folder", "dir", "small", "full", "mini", "new", "old", "final", "resized",
        "cropped", "original", "raw", "processed", "augmented", "aug", "class", "classes",
        "labeled", "labelled", "sample", "samples", "only", "for", "of", "rev", "version", "the",
        "my", "all",
        "v", "px", "x",
    )
)  # fmt: skip
UNLABELLED_WORDS = frozenset(
    (
        "pred", "preds", "predict", "prediction", "predictions", "unlabeled", "unlabelled",
        "unlabel", "nolabel", "nolabels", "unsup", "unsupervised", "unannotated", "inference",
        "infer", "submission", "submissions", "unsorted", "unclassified",
    )
)  # fmt: skip
IMAGE_WORDS = frozenset(
    (
        "image", "images", "img", "imgs", "picture", "pictures", "pics", "photo", "photos",
        "jpegimages", "jpg", "jpgs", "jpeg", "png", "pngs", "rgb", "data", "dataset", "files",
        "original", "originals", "raw",
    )
)  # fmt: skip
ANNOTATION_WORDS = frozenset(
    (
        "mask", "masks", "annotation", "annotations", "annots", "anno", "annos", "label", "labels",
        "trimap", "trimaps", "segmentation", "segmentations", "segmented", "segmentationclass",
        "segmentationobject", "groundtruth", "ground", "truth", "gt", "heatmap", "heatmaps",
        "edges", "depth", "contours", "bbox", "bboxes", "boxes", "landmarks", "keypoints",
        "thumbnail", "thumbnails", "thumbs", "overlay", "overlays", "lists", "meta", "metadata",
        "imagesets",
    )
)  # fmt: skip
# Folders beside classes that hold no images and are none of them.
OTHER_WORDS = frozenset(
    (
        "doc", "docs", "documentation", "readme", "license", "script", "scripts", "src", "code",
        "tools", "utils", "notebook", "notebooks", "model", "models", "weights", "checkpoints",
        "log", "logs", "output", "outputs", "results", "runs", "csv", "csvs", "json", "xml", "txt",
        "info", "attributes", "parts", "videos", "video", "figure", "figures", "fig", "figs",
        "plot", "plots", "assets", "static", "screenshots", "examples", "demo", "report", "reports",
    )
)  # fmt: skip
PART_WORDS = frozenset(
    (
        "part", "parts", "batch", "fold", "folds", "chunk", "shard", "session", "day", "week",
        "month", "date", "run", "round", "site", "source", "src", "camera", "cam", "device",
        "phone", "hospital", "center", "centre", "scanner", "patient", "subject", "subset",
        "archive", "volume", "vol", "disk", "group", "collection", "release", "version", "upload",
        "export", "delivery", "set", "images", "image", "imgs", "img", "data", "dataset",
        "video", "clip", "take", "scene", "seq", "sequence", "trial", "year",
    )
)  # fmt: skip
# Those of them that no class is called after.
CHUNK_WORDS = frozenset(
    (
        "part", "batch", "fold", "folds", "chunk", "shard", "session", "subset", "archive", "disk",
        "upload", "export", "images", "image", "imgs", "img", "data", "dataset",
    )
)  # fmt: skip
# Different views or conditions of the same thing.
VIEW_WORDS = frozenset(
    (
        "left", "right", "front", "back", "rear", "side", "top", "bottom", "above", "below",
        "indoor", "indoors", "outdoor", "outdoors", "inside", "outside", "day", "night", "near",
        "far", "close", "closeup", "color", "colour", "gray", "grey", "grayscale", "greyscale",
        "bw", "thermal", "ir", "nir", "t1", "t2", "flair", "axial", "coronal", "sagittal",
        "augmented", "aug", "synthetic", "real", "cropped", "resized", "processed", "enhanced",
        "sunny", "cloudy", "rainy", "view", "views", "frames", "old", "new",
    )
)  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_GLUED = re.compile(
    rf"({'|'.join(sorted(SPLIT_WORDS, key=len, reverse=True))})"
    rf"({'|'.join(sorted(FILLERS - {'v', 'x', 'px'}, key=len, reverse=True))})"
)
# A word of a split, with what joins it to the next one.
_SPLIT_WORD = re.compile(
    rf"(?<![^\W\d_])(?i:{'|'.join(sorted(SPLIT_WORDS, key=len, reverse=True))})(?![a-z])"
)
_YEAR = re.compile(r"(19|20)\d\d")
_HOLD_OUT = re.compile(r"(hold|held)[\W_]*out", re.IGNORECASE)


@functools.lru_cache(maxsize=65_536)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words and numbers of a name, in lower case: `trainSet_01` is train, set, 01."""
    spaced = _CAMEL.sub(" ", _HOLD_OUT.sub(" holdout ", name))
    words: list[str] = []
    for word in _WORD.findall(spaced):
        glued = _GLUED.fullmatch(word.lower())
        words += glued.groups() if glued else (word.lower(),)
    return tuple(words)


def split_of(name: str) -> str | None:
    """Return the split that a name stands for: train, validation, test, or None.

    Every word beside the one of the split must be a filler or a number, so that `test tube` and
    `steam train` are none.
    """
    words = words_of(name)
    splits = splits_in(name)
    others = [word for word in words if word not in SPLIT_WORDS and not word.isdigit()]
    if not splits or not set(others) <= FILLERS:
        return None
    # What is called train_val is trained on; the rest of the images is for testing.
    if len(splits) > 1:
        return TRAIN if splits == {TRAIN, VALIDATION} else None
    return next(iter(splits))


def splits_in(name: str) -> set[str]:
    """Return the splits that any of the words of a name stands for."""
    return {SPLIT_WORDS[word] for word in words_of(name) if word in SPLIT_WORDS}


def splits_alike(names: Sequence[str]) -> dict[str, str] | None:
    """Return the splits of names that differ in nothing else, such as birds_train and birds_test.

    None where they don't, or are all of one split.
    """
    found = {name: splits_in(name) for name in names}
    rests = {
        frozenset(word for word in words_of(name) if word not in SPLIT_WORDS and not word.isdigit())
        for name in names
    }
    if len(rests) != 1 or any(len(splits) != 1 for splits in found.values()):
        return None
    splits = {name: next(iter(each)) for name, each in found.items()}
    return splits if len(set(splits.values())) > 1 else None


def joined_splits(names: Sequence[str]) -> dict[str, tuple[str, str]] | None:
    """Return the split and the class of names that join both, such as train_cat and testB.

    None where they are no such names: each must have a class, each class images for training.
    """
    found = {name: (split, _without_split(name)) for name in names for split in splits_in(name)}
    classes = {label for split, label in found.values() if split == TRAIN}
    is_whole = len(found) == len(names) == sum(len(splits_in(name)) for name in names)
    if not is_whole or len(classes) < 2 or {label for _, label in found.values()} != classes:  # noqa: PLR2004 - a single class is none
        return None
    is_split = len({split for split, _ in found.values()}) > 1
    return found if is_split and "" not in classes else None


def classes_after(names: Sequence[str], split: str) -> dict[str, str]:
    """Return the classes of names that all repeat the split they are in, such as cat_train."""
    if len(names) > 1 and all(splits_in(name) == {split} for name in names):
        classes = {name: _without_split(name) for name in names}
        if "" not in classes.values() and len(set(classes.values())) == len(names):
            return classes
    return {}


def _without_split(name: str) -> str:
    return _SPLIT_WORD.sub("", name, count=1).strip(" _-.")


def is_unlabelled(name: str) -> bool:
    """Return whether a folder is named as one of images without labels."""
    words = set(words_of(name))
    return bool(words & UNLABELLED_WORDS) or {"no", "labels"} <= words or {"no", "label"} <= words


def holds_images(name: str) -> bool:
    """Return whether a folder is named after the images it holds, and not after a class."""
    return _only(name, IMAGE_WORDS)


def holds_annotations(name: str) -> bool:
    """Return whether a folder is named after masks or other annotations of images."""
    return bool(set(words_of(name)) & ANNOTATION_WORDS)


def holds_other_files(name: str) -> bool:
    """Return whether a folder is named after something beside the images."""
    return holds_annotations(name) or _only(name, OTHER_WORDS)


def are_parts(names: Iterable[str]) -> bool:
    """Return whether folders may be parts of one whole: part_1, batch2, 2024-05, 2024, siteA."""
    names = list(names)
    return _are_parts(names, PART_WORDS) or (len(names) > 1 and all(map(_YEAR.fullmatch, names)))


def are_chunks(names: Iterable[str]) -> bool:
    """Return whether folders can be nothing else but such parts: images_part_1, batch2."""
    return _are_parts(names, CHUNK_WORDS)


def are_views(names: Iterable[str]) -> bool:
    """Return whether folders are named as views or variants of the same things."""
    names = list(names)
    return bool(names) and all(
        set(words_of(name)) & VIEW_WORDS or holds_images(name) or holds_annotations(name)
        for name in names
    )


def _are_parts(names: Iterable[str], known: frozenset[str]) -> bool:
    names = list(names)
    return len(names) > 1 and all(_is_part(name, known) for name in names)


def _is_part(name: str, known: frozenset[str]) -> bool:
    words = words_of(name)
    numbers = [word for word in words if word.isdigit()]
    letters = [word for word in words if not word.isdigit()]
    # A date.
    if not letters and len(numbers) > 1:
        return True
    is_counted = bool(numbers) or len(letters[-1]) == 1
    return is_counted and bool(set(letters) & known)


def _only(name: str, known: frozenset[str]) -> bool:
    words = [word for word in words_of(name) if not word.isdigit()]
    return (
        bool(words)
        and all(word in known or word in FILLERS for word in words)
        and (any(word in known for word in words))
    )
