"""The desk's data browser: which images it shows, what it says about them, and what it refuses."""

from __future__ import annotations

import hashlib
import io
import os
import re
import threading
from typing import TYPE_CHECKING

import pytest
import uvicorn
from fastapi.testclient import TestClient
from PIL import Image
from playwright.sync_api import expect

from tests.browsed_runs import BrowsedRun, browsed_run
from tests.browsers import width_of
from tests.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture
def run(tmp_path: Path) -> BrowsedRun:
    """Return a run of 200 images."""
    return browsed_run(tmp_path, 200)


@pytest.fixture
def desk(run: BrowsedRun) -> Iterator[TestClient]:
    """Return a client of the desk on this machine."""
    with TestClient(run.app(), base_url="http://127.0.0.1:8200") as client:
        yield client


def rows_on(page: str) -> list[int]:
    """Return the rows of the images on a page, in their order."""
    return [int(row) for row in re.findall(r'name="shown" value="(\d+)"', page)]


def test_all_images_are_paged(desk: TestClient, run: BrowsedRun) -> None:
    """Sixty a page, with addresses for the first, the last and any page between."""
    assert rows_on(desk.get(run.url).text) == [*range(60)]
    third = desk.get(f"{run.url}?page=3").text
    assert rows_on(third) == [*range(120, 180)]
    for word, number in (("next", 4), ("previous", 2), ("last", 4)):
        assert re.search(rf'href="{run.url}\?page={number}"[^>]*>{word}<', third)
    assert f'href="{run.url}?"' in third
    assert rows_on(desk.get(f"{run.url}?page=4").text) == [*range(180, 200)]
    for wrong in ("5", "0", "-1", "x", "9" * 30):
        answer = desk.get(f"{run.url}?page={wrong}")
        assert (answer.status_code, "pages 1 to 4" in answer.text) == (404, True)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("label=dog&page=2", [*range(121, 200, 2)]),
        ("label=bird", []),
        ("split=test&label=cat", [*range(0, 200, 6)]),
        ("rule=sizes", [0]),
        ("answer=wrong", [0]),
        ("answer=unasked&label=cat&text=00000", [2, 4, 8]),
        ("predicted=dog&text=CAT/", [0]),
        ("score_from=0.97", [0, 6, 9]),
        ("score_to=0.51", [195, 198]),
        ("sort=probability&score_to=0.51", [198, 195]),
        ("sort=-bytes&text=cat/00000", None),
        ("side_to=18&text=0000", [0, 1, 2]),
        ("side_from=17", []),
        ("sort=-pixels&text=/00000", [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
    ],
)
def test_filters(desk: TestClient, run: BrowsedRun, query: str, rows: list[int] | None) -> None:
    """By class, split, rule, size, answer, probability and path, in the order asked for."""
    found = rows_on(desk.get(f"{run.url}?{query}").text)
    if rows is None:
        sizes = [(run.data / f"cat/{row:06d}.png").stat().st_size for row in found]
        assert sizes == sorted(sizes, reverse=True)
    else:
        assert found == rows


def test_a_wrong_filter_is_one_sentence(desk: TestClient, run: BrowsedRun) -> None:
    """With what was expected, and no traceback."""
    for query, sentence in (
        ("score_from=high", "score_from must be a number. Received: high"),
        ("side_to=-3", "side_to must be a number of pixels. Received: -3"),
        ("answer=maybe", "answer must be one of right, wrong, unasked. Received: maybe"),
        ("text=" + "x" * 501, "text must have at most 500 characters."),
    ):
        answer = desk.get(f"{run.url}?{query}")
        assert (answer.status_code, sentence in answer.text) == (422, True), query


def test_one_image_says_all_that_is_known(desk: TestClient, run: BrowsedRun) -> None:
    """Rules, prediction with probabilities, copies, and its neighbours within the filter."""
    page = desk.get(f"{run.url}/6?label=cat&split=test").text
    assert re.search(
        rf'href="{run.url}/0\?label=cat&amp;split=test" rel="prev" accesskey="p"', page
    )
    assert re.search(rf'href="{run.url}/12\?label=cat&amp;split=test" rel="next"', page)
    assert "2 of 34" in page
    assert re.search(r'<th scope="row">dog</th><td class="number">0.7500', page)
    # Every sixteenth file is a link to this one.
    assert "cat/000034.png" in page
    assert "the same bytes" in page
    first = desk.get(f"{run.url}/0").text
    assert "expect_sizes" in first
    assert 'class="mark critical">dog, 99.0%' in first
    assert "not among the" in desk.get(f"{run.url}/1?label=cat").text


def test_images_have_addresses_by_content(desk: TestClient, run: BrowsedRun) -> None:
    """The SHA-256 leads to the first file that has it; no path is ever asked for."""
    digest = hashlib.sha256((run.data / "cat/000008.png").read_bytes()).hexdigest()
    answer = desk.get(f"{run.url}/{digest}", follow_redirects=False)
    assert answer.headers["location"] == f"{run.url}/8"
    for wrong in ("0" * 64, "..%2f..%2fetc%2fpasswd", "200", "-1", "%2e%2e/config.json"):
        assert desk.get(f"{run.url}/{wrong}").status_code == 404, wrong
    for wrong in ("8/passwd", "201/thumbnail", "x/thumbnail", f"{'9' * 5000}/thumbnail"):
        assert desk.get(f"{run.url}/{wrong}").status_code == 404, wrong[:20]
    assert desk.get("/runs/../images").status_code == 404


def test_thumbnails_are_kept_by_content(desk: TestClient, run: BrowsedRun) -> None:
    """Drawn once for all copies, upright, enlarged; what is torn is drawn again."""
    answer = desk.get(f"{run.url}/8/thumbnail")
    assert answer.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert max(image.size) == 240
    (kept,) = (each for each in run.home.thumbnails.glob("*/*") if each.name[0] != ".")
    kept.write_bytes(kept.read_bytes()[:-10])
    assert desk.get(f"{run.url}/{8 + 16 * 2 - 4}/thumbnail").status_code == 200
    assert desk.get(f"{run.url}/8/thumbnail").content == answer.content
    assert desk.get(f"{run.url}/8/large").headers["content-type"] == "image/webp"


def test_the_orientation_of_exif_is_obeyed(tmp_path: Path) -> None:
    """A photograph on its side is drawn upright."""
    from tasks.monitoring.thumbnail_drawing import draw_small
    from tasks.storage.hashing import file_digest

    exif = Image.Exif()
    exif[0x0112] = 6
    file = tmp_path / "a.jpg"
    Image.new("RGB", (400, 200)).save(file, exif=exif)
    known = ("a.jpg", file.stat().st_size, file_digest(file))
    ((webp, problem),) = draw_small(str(tmp_path), [known], 240, 10**6)
    assert problem == ""
    with Image.open(io.BytesIO(webp)) as image:
        assert image.size == (120, 240)
    ((webp, problem),) = draw_small(str(tmp_path), [known], 240, 1_000)
    assert (webp, "more than data.max_pixels = 1000" in problem) == (b"", True)


def test_what_can_not_be_shown_is_said(desk: TestClient, run: BrowsedRun) -> None:
    """A damaged file, one that changed, one that is gone, and a link to a secret."""
    assert "cannot identify image file" in desk.get(run.url).text
    assert "identify image file</title>" in desk.get(f"{run.url}/3/thumbnail").text
    assert desk.get(f"{run.url}/10/thumbnail").headers["content-type"] == "image/webp"
    changed, gone, secret = (run.data / f"cat/{row:06d}.png" for row in (10, 12, 14))
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.unlink()
    changed.write_bytes(content)
    gone.unlink()
    secret.unlink()
    secret.symlink_to("/etc/passwd")
    assert "has changed since the run</title>" in desk.get(f"{run.url}/10/thumbnail").text
    assert "The file has changed since the run" in desk.get(f"{run.url}/10").text
    assert "the file is gone</title>" in desk.get(f"{run.url}/12/large").text
    assert "has changed since the run</title>" in desk.get(f"{run.url}/14/large").text
    page = desk.get(run.url).text
    assert page.count("gone since the run") == 1
    assert page.count("changed since the run") == 1


def test_other_times_of_the_same_files_are_no_change(desk: TestClient, run: BrowsedRun) -> None:
    """A copied folder has the same content."""
    os.utime(run.data / "cat/000008.png", (1, 1))
    assert desk.get(f"{run.url}/8/thumbnail").headers["content-type"] == "image/webp"


def test_a_folder_that_is_gone_is_said(desk: TestClient, run: BrowsedRun) -> None:
    """And the page still shows what the run knew."""
    run.data.rename(run.data.with_name("elsewhere"))
    page = desk.get(run.url).text
    assert "No such data folder" in page
    assert rows_on(page) == [*range(60)]
    assert "the file is gone</title>" in desk.get(f"{run.url}/8/thumbnail").text


def test_paths_that_leave_the_folder_are_never_opened(run: BrowsedRun) -> None:
    """Whatever an inventory says."""
    from tasks.monitoring.data_folder import data_folder_of

    data = data_folder_of(run.home, run.folder)
    assert data.file_of("cat/1.png") == run.data / "cat/1.png"
    for path in ("../home/state/desk-token", "/etc/passwd", "cat/../../x", "a\0b"):
        assert data.file_of(path) is None, path


def test_the_cache_of_thumbnails_is_bounded(run: BrowsedRun) -> None:
    """The files that were not used for longest are removed."""
    from tasks.monitoring.data_folder import data_folder_of
    from tasks.monitoring.image_pages import shown_images
    from tasks.monitoring.run_images import RunImages
    from tasks.monitoring.thumbnails_kept import Thumbnails

    images = shown_images(RunImages(run.folder), [4, 5, 6, 7, 8, 9])
    small = Thumbnails(run.home.thumbnails, most_bytes=3_000)
    data = data_folder_of(run.home, run.folder)
    for image in images:
        assert small.of(image, data, 240).webp
        held = [each.stat().st_size for each in run.home.thumbnails.glob("*/*")]
        assert sum(held) <= 3_000
    assert held


def test_a_run_without_inventory_is_said(run: BrowsedRun, desk: TestClient) -> None:
    """It may not have got so far."""
    (run.folder / "inventory.parquet").unlink()
    assert "has no inventory of its images" in desk.get(run.url).text


def test_a_run_that_was_not_judged_has_images_too(run: BrowsedRun, desk: TestClient) -> None:
    """Without offenders and predictions, there are none to choose from."""
    for name in ("evaluation/predictions", "evaluation/probabilities", "validation/offenders"):
        (run.folder / f"{name}.parquet").unlink()
    assert rows_on(desk.get(run.url).text) == [*range(60)]
    assert "None." in desk.get(f"{run.url}/0").text
    assert rows_on(desk.get(f"{run.url}?answer=right").text) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ten_thousand_images_in_a_browser(browser: Browser, tmp_path: Path, scheme: str) -> None:
    """To a page far away, to one image and its neighbour, to a proposal: on a phone."""
    run = browsed_run(tmp_path, 10_000)
    server = uvicorn.Server(uvicorn.Config(run.app(), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, seconds=30, what="the desk")
        port = server.servers[0].sockets[0].getsockname()[1]
        page = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": 390, "height": 800},
        ).new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.goto(f"http://127.0.0.1:{port}/runs/{run.run_id}")
        page.get_by_role("link", name="Look at the images").click()
        expect(page.get_by_text("10,000 of 10,000 images")).to_have_count(1)
        page.get_by_label("go to page").fill("100")
        page.get_by_role("button", name="Go").click()
        expect(page.get_by_text("Page 100 of 167")).to_have_count(2)
        assert width_of(page) <= 390
        assert page.evaluate("[...document.images].every(each => each.alt.length > 0)")
        image = page.get_by_role("img").first
        image.scroll_into_view_if_needed()
        page.wait_for_function("document.images[0].naturalWidth > 0")
        image.click()
        expect(page.get_by_text("5,941 of 10,000")).to_have_count(1)
        page.get_by_role("link", name="next", exact=True).click()
        expect(page.get_by_text("5,942 of 10,000")).to_have_count(1)
        assert width_of(page) <= 390
        page.get_by_label("label", exact=True).fill("cat")
        page.get_by_role("button", name="Propose").click()
        expect(page.get_by_text(re.compile("proposed: cat"))).to_have_count(1)
        assert problems == []
    finally:
        server.should_exit = True
        thread.join(30)
