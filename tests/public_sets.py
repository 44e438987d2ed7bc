"""Folders and tables of public data sets as they are unpacked, in small."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from tasks.config.data import DataConfig
from tasks.inventory.layouts import read_layout
from tests.image_trees import draw_image

if TYPE_CHECKING:
    from pathlib import Path

    # Images by a pattern of their names and a count, and texts.
    Content = dict[str, int | str]


def write_files(root: Path, content: Content) -> Path:
    """Write images (by a pattern of their names and a count) and texts; return the root."""
    image = io.BytesIO()
    draw_image(0, 0, size=(8, 8), mode="L").save(image, "PNG")
    for name, holds in content.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(holds, str):
            (root / name).write_text(holds)
            continue
        for number in range(holds):
            (root / name.replace("#", f"{number:02d}")).write_bytes(image.getvalue())
    return root


def counts_of(root: Path, **settings: object) -> dict[str, int]:
    """Return the number of images by split and class, such as {"train/cat": 4}."""
    frame = read_layout(root, DataConfig(directory=root, **settings)).frame()
    names = frame["split"].fillna("-") + "/" + frame["label"].fillna("-")
    return {str(name): int(count) for name, count in names.value_counts().sort_index().items()}


def rows(names: str, labels: str, count: int = 8, head: str = "") -> str:
    """Return a table of alternating labels."""
    lines = [f"{names.replace('#', f'{n:02d}')}{labels.split('|')[n % 2]}" for n in range(count)]
    return "\n".join([*filter(None, [head]), *lines]) + "\n"


# What is unpacked, and the number of images by split and class.
PUBLIC: dict[str, tuple[Content, dict[str, int]]] = {
    "dogs vs cats": (
        {
            "train/cat.#.jpg": 6,
            "train/dog.#.jpg": 6,
            "test1/#.jpg": 4,
            "sampleSubmission.csv": "id",
        },
        {"train/cat": 6, "train/dog": 6},
    ),
    "the same, one folder too many": (
        {"d/train/train/cat.#.jpg": 6, "d/train/train/dog.#.jpg": 6, "d/test/test/#.jpg": 4},
        {"train/cat": 6, "train/dog": 6},
    ),
    "intel": (
        {
            **{f"seg_train/seg_train/{name}/#.jpg": 4 for name in ("sea", "forest")},
            **{f"seg_test/seg_test/{name}/#.jpg": 2 for name in ("sea", "forest")},
            "seg_pred/seg_pred/#.jpg": 5,
        },
        {"test/forest": 2, "test/sea": 2, "train/forest": 4, "train/sea": 4},
    ),
    "covid radiography": (
        {
            f"COVID-19_Radiography_Dataset/{name}/{kind}/{name}-#.png": 4
            for name in ("COVID", "Normal", "Viral Pneumonia")
            for kind in ("images", "masks")
        },
        {"-/COVID": 4, "-/Normal": 4, "-/Viral Pneumonia": 4},
    ),
    "stanford dogs": (
        {
            "images/Images/n02085620-Chihuahua/n_#.jpg": 4,
            "images/Images/n02085782-Japanese_spaniel/n_#.jpg": 4,
            "annotations/Annotation/n02085620-Chihuahua/n_00": "<annotation></annotation>",
        },
        {"-/n02085620-Chihuahua": 4, "-/n02085782-Japanese_spaniel": 4},
    ),
    "oxford pets": (
        {
            "images/Abyssinian_#.jpg": 5,
            "images/american_bulldog_#.jpg": 5,
            "annotations/trimaps/Abyssinian_#.png": 5,
            "annotations/list.txt": rows("Abyssinian_#", " 1 1 1| 1 1 1", 5, "#Image ID SPECIES"),
        },
        {"-/Abyssinian": 5, "-/american_bulldog": 5},
    ),
    "cub-200": (
        {
            "CUB_200_2011/images/001.Albatross/A_#.jpg": 4,
            "CUB_200_2011/images/002.Auklet/B_#.jpg": 4,
            "CUB_200_2011/classes.txt": "1 001.Albatross\n2 002.Auklet\n",
            "CUB_200_2011/image_class_labels.txt": "1 1\n2 1\n3 1\n4 1\n5 2\n",
            "CUB_200_2011/images.txt": "1 001.Albatross/A_00.jpg\n2 001.Albatross/A_01.jpg\n",
            "CUB_200_2011/train_test_split.txt": "1 0\n2 1\n",
            "segmentations/001.Albatross/A_#.png": 4,
            "segmentations/002.Auklet/B_#.png": 4,
        },
        {"-/001.Albatross": 4, "-/002.Auklet": 4},
    ),
    "tiny imagenet": (
        {
            "train/n01/images/n01_#.JPEG": 4,
            "train/n02/images/n02_#.JPEG": 4,
            "train/n01/n01_boxes.txt": "n01_00.JPEG\t0\t0\t62\t62\n",
            "val/images/val_#.JPEG": 4,
            "val/val_annotations.txt": rows("val_#.JPEG", "\tn01\t0\t32|\tn02\t0\t32", 4),
            "test/images/test_#.JPEG": 4,
            "wnids.txt": "n01\nn02\n",
            "words.txt": "n01\tcat\nn02\tdog\n",
        },
        {"train/n01": 4, "train/n02": 4, "validation/n01": 2, "validation/n02": 2},
    ),
    "imagenet mini": (
        {
            f"imagenet-mini/{split}/{name}/#.JPEG": 2
            for split in ("train", "val")
            for name in ("n01", "n02")
        },
        {"train/n01": 2, "train/n02": 2, "validation/n01": 2, "validation/n02": 2},
    ),
    "food-101": (
        {
            "food-101/images/apple_pie/#.jpg": 4,
            "food-101/images/beets/#.jpg": 4,
            "food-101/meta/classes.txt": "apple_pie\nbeets\n",
            "food-101/meta/train.txt": "apple_pie/00\napple_pie/01\nbeets/00\nbeets/01\n",
            "food-101/meta/test.txt": "apple_pie/02\napple_pie/03\nbeets/02\nbeets/03\n",
        },
        {"test/apple_pie": 2, "test/beets": 2, "train/apple_pie": 2, "train/beets": 2},
    ),
    "chest x-ray": (
        {
            **{
                f"chest_xray/{again}{split}/{name}/#.jpeg": 2
                for again in ("", "chest_xray/")
                for split in ("train", "val", "test")
                for name in ("NORMAL", "PNEUMONIA")
            },
            "chest_xray/__MACOSX/train/NORMAL/._#.jpeg": 2,
        },
        {
            f"{split}/{name}": 2
            for split in ("test", "train", "validation")
            for name in ("NORMAL", "PNEUMONIA")
        },
    ),
    "ham10000": (
        {
            "HAM10000_images_part_1/ISIC_0#.jpg": 4,
            "HAM10000_images_part_2/ISIC_1#.jpg": 4,
            "HAM10000_metadata.csv": rows(
                "H,ISIC_0#", ",nv,histo,80|,mel,histo,55", 4, "lesion_id,image_id,dx,dx_type,age"
            )
            + rows("H,ISIC_1#", ",nv,histo,70|,mel,histo,60", 4),
            "hmnist_28_28_L.csv": "pixel0000,pixel0001,label\n1,2,0\n3,4,1\n",
        },
        {"-/mel": 4, "-/nv": 4},
    ),
    "dog breeds": (
        {
            "train/a0#.jpg": 8,
            "test/b0#.jpg": 4,
            "labels.csv": rows("a0#", ",pug|,boxer", 8, "id,breed"),
            "sample_submission.csv": rows("b0#", ",0.5,0.5|,0.5,0.5", 4, "id,boxer,pug"),
        },
        {"train/boxer": 4, "train/pug": 4},
    ),
    "plant pathology": (
        {
            "images/Train_#.jpg": 8,
            "images/Test_#.jpg": 8,
            "train.csv": rows("Train_#", ",1,0,0|,0,0,1", 8, "image_id,healthy,rust,scab"),
            "test.csv": rows("Test_#", "|", 8, "image_id"),
            "sample_submission.csv": rows(
                "Test_#", ",0.3,0.3,0.4|,0.3,0.3,0.4", 8, "image_id,healthy,rust,scab"
            ),
        },
        {"-/healthy": 4, "-/scab": 4},
    ),
    "cassava": (
        {
            "train_images/10#.jpg": 8,
            "test_images/2216.jpg": 1,
            "train.csv": rows("10#.jpg", ",0|,1", 8, "image_id,label"),
            "label_num_to_disease_map.json": '{"0": "CBB", "1": "Healthy"}',
        },
        {"train/CBB": 4, "train/Healthy": 4},
    ),
    "gtsrb": (
        {
            "Train/0/#.png": 4,
            "Train/1/#.png": 4,
            "Test/#.png": 4,
            "Meta/#.png": 2,
            "Test.csv": rows("30,Test/#.png", ",0|,1", 4, "Width,Path,ClassId"),
            "Meta.csv": "Path,ClassId,ShapeId\nMeta/00.png,0,1\nMeta/01.png,1,1\n",
        },
        {"test/0": 2, "test/1": 2, "train/0": 4, "train/1": 4},
    ),
    "nih chest x-ray": (
        {
            "images_001/images/0#.png": 4,
            "images_002/images/1#.png": 4,
            "Data_Entry_2017.csv": rows(
                "0#.png", ",Mass,0|,Hernia,1", 4, "Image Index,Finding Labels,Age"
            )
            + rows("1#.png", ",Mass,0|,Hernia,1", 4),
        },
        {"-/Hernia": 4, "-/Mass": 4},
    ),
    "asl alphabet": (
        {
            **{f"asl_alphabet_train/asl_alphabet_train/{name}/#.jpg": 3 for name in "AB"},
            **{f"asl_alphabet_test/asl_alphabet_test/{name}_test.jpg": 1 for name in "AB"},
        },
        {"test/A": 1, "test/B": 1, "train/A": 3, "train/B": 3},
    ),
    "human action": (
        {
            "train/Image_#.jpg": 6,
            "test/Image_#.jpg": 3,
            "Training_set.csv": rows("Image_#.jpg", ",run|,sit", 6, "filename,label"),
            "Testing_set.csv": rows("Image_#.jpg", "|", 3, "filename"),
        },
        {"train/run": 3, "train/sit": 3},
    ),
    "cifar of kaggle": (
        {
            "train/#.png": 8,
            "test/#.png": 4,
            "trainLabels.csv": rows("#", ",cat|,dog", 8, "id,label"),
            "sampleSubmission.csv": rows("#", ",cat|,cat", 4, "id,label"),
        },
        {"train/cat": 4, "train/dog": 4},
    ),
    "flowers with a licence": (
        {
            "flower_photos/daisy/#.jpg": 3,
            "flower_photos/rose/#.jpg": 3,
            "flower_photos/LICENSE.txt": "x",
        },
        {"-/daisy": 3, "-/rose": 3},
    ),
    "fruits 360": (
        {
            **{
                f"fruits-360/{split}/{name}/#.jpg": 2
                for split in ("Training", "Test")
                for name in ("Fig", "Kiwi")
            },
            "fruits-360/test-multiple_fruits/#.jpg": 3,
        },
        {"test/Fig": 2, "test/Kiwi": 2, "train/Fig": 2, "train/Kiwi": 2},
    ),
}
