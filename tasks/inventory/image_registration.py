"""Two images go in; whether one is a crop, a shift, a turn or a slight warp of the other comes out.

Points that look alike in both (SIFT: Lowe, 2004) must lie as one affine map says, and the images,
laid upon each other by it, must agree pixel by pixel. Points alone are not enough, as two
photographs of one product share its print; agreement alone is not, as blurred images all agree.

Needs OpenCV, of the extra `pretrained`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tasks.inventory.similarity import confirm_each, small_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from PIL import Image

# Pixels of the longer side: larger ones find a few more crops and take longer.
SIDE = 160
MOST_POINTS = 400
# A point's best match must be this much closer than its second best.
DISTINCT = 0.8
# Pixels by which a matched point may be off the map, and how many must not be.
TOLERANCE, LEAST_POINTS = 3.0, 8
# Pixels by which it may be off where an image is seen from another side.
PERSPECTIVE = 12.0
# Degrees: arrows to the left and to the right are two classes, and no copies of each other.
FURTHEST_TURN = 30.0
# One copy shows at least this share of the other, scaled by at most this much.
LEAST_OVERLAP, MOST_SCALE = 0.25, 2.5
# Of the gray values where both images are, and of what remains without their large shapes (pixels):
# two plain shirts have one shape.
LEAST_CORRELATION, LEAST_DETAIL, LARGE = 0.95, 0.88, 8.0
# A copy keeps its colours, as other near-duplicates do; root mean square of Cb and Cr, 0 to 255.
MAX_COLOR_DIFFERENCE = 10.0
# A product of two spreads of gray values below which there is nothing to compare.
FLAT = 0.01
# In no cell, of so many pixels, do they differ by more, relative to the image's own spread: two
# shirts on one chair differ in their print alone.
CELL, MOST_DIFFERENCE, MOSTLY = 16, 0.5, 0.5
# Blurred a little, as a map between pixels resamples them.
BLUR = 1.0
BINS, CELLS = 8, 4
CACHED_IMAGES = 1_024


def confirm_copies(
    root: str, pairs: Sequence[tuple[str, str, bool]], max_pixels: int
) -> list[bool]:
    """Return for each pair of files whether one is a warped copy of the other.

    Args:
        root: folder the paths are relative to.
        pairs: relative POSIX paths of two files, and whether a copy may be turned and mirrored.
        max_pixels: an image that declares more is not expanded.

    Returns:
        One boolean per pair; False also where a file can't be read any more.
    """

    def confirm(first: str, second: str, any_way: bool) -> bool:  # noqa: FBT001 - of the pair
        images = (_described(root, path, max_pixels) for path in (first, second))
        return is_warped_copy(*images, any_way=any_way)

    return confirm_each(confirm, pairs)


@dataclass(frozen=True)
class Described:
    """An image and its points.

    Attributes:
        pixels: (height, width, 3) uint8: brightness and two colours, Y, Cb and Cr.
        points: (points, 2) float32, x and y in pixels.
        descriptors: (points, 128) float32.
    """

    pixels: np.ndarray
    points: np.ndarray
    descriptors: np.ndarray

    @property
    def gray(self) -> np.ndarray:
        """(height, width) uint8."""
        return np.ascontiguousarray(self.pixels[..., 0])

    def mirrored(self) -> Described:
        """Return the same of the mirrored image, whose points need not be searched again."""
        width = self.pixels.shape[1]
        points = self.points.copy()
        points[:, 0] = width - 1 - points[:, 0]
        pixels = np.ascontiguousarray(self.pixels[:, ::-1])
        return Described(pixels, points, self.descriptors[:, mirrored_bins()])


def describe(image: Image.Image) -> Described:
    """Find the points of an image of mode L or RGB."""
    import cv2

    # Worker processes use all cores already.
    cv2.setNumThreads(1)
    pixels = np.asarray(image.convert("YCbCr"))
    gray = np.ascontiguousarray(pixels[..., 0])
    found: Any = cv2.SIFT.create(nfeatures=MOST_POINTS).detectAndCompute(gray, None)
    points, descriptors = found
    if descriptors is None:
        return Described(pixels, np.empty((0, 2), "float32"), np.empty((0, 128), "float32"))
    # Square roots of shares compare histograms better (RootSIFT: Arandjelovic and Zisserman, 2012).
    shares = descriptors / descriptors.sum(axis=1, keepdims=True).clip(1e-6)
    return Described(pixels, np.array(cv2.KeyPoint.convert(points)), np.sqrt(shares))


@functools.cache
def mirrored_bins() -> np.ndarray:
    """Return (128,) int: which value of a descriptor stands at each place of the mirrored one.

    A descriptor is a grid of 4 x 4 histograms of 8 directions, in the frame of the point's own
    orientation: mirrored, the grid is read from the other side, and directions turn the other way.
    """
    grid = np.arange(CELLS * CELLS * BINS).reshape(CELLS, CELLS, BINS)
    return grid[::-1, :, -np.arange(BINS) % BINS].ravel()


def is_warped_copy(first: Described, second: Described, *, any_way: bool = True) -> bool:
    """Return whether one image is a crop, a shift, a turn or a slight warp of the other.

    Args:
        first: an image.
        second: another.
        any_way: whether a copy may be mirrored, and turned by more than FURTHEST_TURN.
    """
    if _is_copy(first, second, any_way=any_way):
        return True
    return any_way and _is_copy(first, second.mirrored(), any_way=True)


def _is_copy(first: Described, second: Described, *, any_way: bool) -> bool:
    import cv2

    # The samples it draws, so that the answer is the same every time.
    cv2.setRNGSeed(0)
    matches = _matches(first.descriptors, second.descriptors)
    if len(matches) < LEAST_POINTS:
        return False
    here, there = first.points[matches[:, 0]], second.points[matches[:, 1]]
    affine, inside = cv2.estimateAffine2D(
        there, here, method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE
    )
    if affine is None or int(inside.sum()) < LEAST_POINTS or not _is_plausible(affine):
        return False
    if not any_way and abs(np.degrees(np.arctan2(affine[1, 0], affine[0, 0]))) > FURTHEST_TURN:
        return False
    if _agree(first.pixels, second.pixels, np.vstack([affine, [0, 0, 1]])):
        return True
    # Seen from another side: near the affine map, or a handful of points would lead anywhere.
    near = np.abs(there @ affine[:, :2].T + affine[:, 2] - here).max(axis=1) <= PERSPECTIVE
    if near.sum() < 2 * LEAST_POINTS:
        return False
    homography, _ = cv2.findHomography(there[near], here[near], cv2.RANSAC, TOLERANCE)
    return homography is not None and _agree(first.pixels, second.pixels, homography)


def _is_plausible(affine: np.ndarray) -> bool:
    scales = np.linalg.svd(affine[:, :2], compute_uv=False)
    return bool(scales.max() <= MOST_SCALE and scales.min() >= 1 / MOST_SCALE)


def _matches(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return (matches, 2) numbers of points that are alike in both, and like no others."""
    if min(len(first), len(second)) < 2:  # noqa: PLR2004 - a best match and a second best
        return np.empty((0, 2), int)
    # Of unit vectors: the smaller the distance, the larger the product.
    squares = (2 - 2 * first @ second.T).clip(0)
    best = squares.argmin(axis=1)
    nearest, next_ = np.partition(squares, 1, axis=1)[:, :2].T
    distinct = np.flatnonzero(nearest < DISTINCT**2 * next_)
    return np.column_stack([distinct, best[distinct]])


def _agree(first: np.ndarray, second: np.ndarray, homography: np.ndarray) -> bool:
    """Return whether two images are alike wherever both are, the second one laid on the first.

    Args:
        first: (height, width, 3) uint8, Y, Cb and Cr.
        second: another, of any size.
        homography: (3, 3), from the second image's pixels to the first one's.
    """
    import cv2

    height, width = first.shape[:2]
    laid = cv2.warpPerspective(second, homography, (width, height), borderMode=cv2.BORDER_REPLICATE)
    everywhere = np.full(second.shape[:2], 255, np.uint8)
    covered = cv2.warpPerspective(everywhere, homography, (width, height)) == 255  # noqa: PLR2004 - white
    if covered.mean() < LEAST_OVERLAP:
        return False
    colours = first[covered][:, 1:].astype("float32") - laid[covered][:, 1:]
    if np.sqrt((colours**2).mean()) > MAX_COLOR_DIFFERENCE:
        return False
    a, b = (
        cv2.GaussianBlur(image[..., 0].astype("float32"), (0, 0), BLUR) for image in (first, laid)
    )
    details = (image - cv2.GaussianBlur(image, (0, 0), LARGE) for image in (a, b))
    if _correlation(*(detail[covered] for detail in details)) < LEAST_DETAIL:
        return False
    correlation = _correlation(a[covered], b[covered])
    if correlation < LEAST_CORRELATION:
        return False
    # Brightness and contrast may differ, for the whole image alike.
    gain = correlation * a[covered].std() / b[covered].std()
    apart = a - a[covered].mean() - gain * (b - b[covered].mean())
    worst = max(_cell_means(np.where(covered, apart**2, 0), covered), default=0.0)
    return bool(worst <= MOST_DIFFERENCE**2 * a[covered].var())


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return the correlation of two images' pixels; 0 where one has a single value."""
    spread = float(a.std() * b.std())
    return float(((a - a.mean()) * (b - b.mean())).mean()) / spread if spread > FLAT else 0.0


def _cell_means(values: np.ndarray, covered: np.ndarray) -> Iterator[float]:
    """Yield the mean of each cell of the image, of those that are mostly covered."""
    for top in range(0, len(values), CELL):
        for left in range(0, values.shape[1], CELL):
            cell = np.s_[top : top + CELL, left : left + CELL]
            if covered[cell].mean() > MOSTLY:
                yield float(values[cell].sum() / covered[cell].sum())


@functools.lru_cache(maxsize=CACHED_IMAGES)
def _described(root: str, path: str, max_pixels: int) -> Described:
    return describe(small_image(root, path, max_pixels, SIDE))
