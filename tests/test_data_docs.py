"""Data Docs: what files and classes are called is text on every page, and never markup."""

from __future__ import annotations

import json
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import great_expectations as gx
import pandas as pd
from great_expectations.expectations import ExpectColumnValuesToMatchRegex

from tests.gate_keeper import judge
from tests.image_trees import write_tree

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.validation.verdict import Verdict

HOSTILE = (
    "<svg onload=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "' onclick='alert(1)",
    "{{7*7}}",
    "$PARAM",
    "$$column ${min_value} $value_set",
    "&amp; &lt;b&gt;",
    "`<b>` **bold** [a](javascript:alert(1))",
    "<script>alert(1)<!--",
    "back\\slash \\x3csvg\\x3e",
)


class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its text."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.attributes: Counter[tuple[str, str]] = Counter()
        self.text = ""
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count an element and the names of its attributes."""
        self.elements[tag] += 1
        self.attributes.update((tag, name) for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data


def pages_of(verdict: Verdict) -> dict[str, Page]:
    """Return the pages of the suites and of their results, by suite and kind."""
    site = verdict.data_docs.parent
    return {
        str(file.relative_to(site)): Page(file)
        for kind in ("expectations", "validations")
        for file in sorted((site / kind).rglob("*.html"))
    }


def judged(root: Path, names: tuple[str, ...]) -> Verdict:
    """Judge classes and broken files of these names, with every rule that shows names."""
    write_tree(root, {"plain": 12} | dict.fromkeys(names, 5))
    for name in names:
        (root / name / f"{name}.png").write_bytes(b"no image")
        (root / name / f"{name}.jpg").write_bytes((root / name / "000.png").read_bytes())
        (root / f"{name}.png").write_bytes((root / "plain/000.png").read_bytes())
    return judge(
        root,
        data_docs=True,
        known_classes={"classes": ["plain", *(f"{name} none" for name in names)]},
        class_shares={"declared": {"plain": 0.5} | dict.fromkeys(names, 0.5 / len(names))},
    )


def test_names_are_text_on_every_page_and_real_in_the_evidence(tmp_path: Path) -> None:
    """Pages have the same elements as with harmless names, and show each name as it is."""
    harmless = tuple(f"class{number}" for number in range(len(HOSTILE)))
    expected = pages_of(judged(tmp_path / "harmless/data", harmless))
    verdict = judged(tmp_path / "hostile/data", HOSTILE)
    pages = pages_of(verdict)
    assert len(pages) == len(expected) >= 10
    for kind in ("expectations", "validations"):
        text = "".join(page.text for name, page in pages.items() if name.startswith(kind))
        for name in HOSTILE:
            assert f"{name} none" in text, (kind, name)
        assert "49" not in {part.strip("{}") for part in text.split()}
    values = "".join(page.text for name, page in pages.items() if name.startswith("validations"))
    for name in HOSTILE:
        assert f"{name}/{name}.png" in values
    assert sum((page.elements for page in pages.values()), Counter()) == sum(
        (page.elements for page in expected.values()), Counter()
    )
    assert sum((page.attributes for page in pages.values()), Counter()) == sum(
        (page.attributes for page in expected.values()), Counter()
    )
    evidence = set(pd.read_parquet(verdict.offenders)["path"])
    assert {f"{name}/{name}.png" for name in HOSTILE} <= evidence
    written = json.loads((verdict.data_docs.parents[4] / "verdict.json").read_text())
    assert HOSTILE[0] in str(written["findings"])


def test_a_rebuilt_site_is_as_safe(tmp_path: Path) -> None:
    """The renderers stand in the project; a suite of one's own, with regexes, renders too."""
    verdict = judged(tmp_path / "data", HOSTILE[:2])
    project = verdict.data_docs.parents[4]
    context = gx.get_context(mode="file", project_root_dir=project)
    regex = r"^(?<!<b>)[^$]+\.(png|jpg)$"
    context.suites.add(
        gx.ExpectationSuite(
            name="own",
            expectations=[ExpectColumnValuesToMatchRegex(column="path", regex=regex)],
        )
    )
    context.build_data_docs()
    for page in pages_of(verdict).values():
        assert ("svg", "onload") not in page.attributes
    own = Page(verdict.data_docs.parent / "expectations/own.html")
    assert regex in own.text
