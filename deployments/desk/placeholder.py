"""A reason goes in; an SVG that stands for an image that can't be shown comes out."""

from __future__ import annotations

import textwrap
from html import escape

SIDE, LINE, WIDTH, LINES = 240, 18, 28, 9
STYLE = (
    "rect{fill:#f4f6f8;stroke:#b3261e}text{fill:#b3261e;font:14px sans-serif}"
    "@media(prefers-color-scheme:dark){rect{fill:#11171d;stroke:#ff8a80}text{fill:#ff8a80}}"
)


def draw_placeholder(reason: str) -> str:
    """Return an SVG of a reason, in as many lines as there is room for."""
    # Control characters are no XML, and reasons hold file names.
    reason = "".join(each if each.isprintable() else " " for each in reason)
    lines = textwrap.wrap(f"No image: {reason}", WIDTH, max_lines=LINES, placeholder=" …")
    shown = [escape(line) for line in lines]
    texts = "".join(
        f'<text x="14" y="{40 + LINE * number}">{line}</text>' for number, line in enumerate(shown)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}"'
        f' height="{SIDE}"><title>{escape(reason)}</title><style>{STYLE}</style>'
        f'<rect x="1" y="1" width="{SIDE - 2}" height="{SIDE - 2}" rx="8"/>{texts}</svg>'
    )
