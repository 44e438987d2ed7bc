"""A form that was sent goes in; its fields come out, if a page of this desk sent it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from fastapi import HTTPException, Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORM = "application/x-www-form-urlencoded"
MOST_BYTES, MOST_FIELDS = 2**20, 1_000


@dataclass(frozen=True)
class OwnForm:
    """A form that a page of this desk sent.

    Attributes:
        fields: values by name.
    """

    fields: Mapping[str, Sequence[str]]

    def get(self, name: str) -> str:
        """Return a field's value without the spaces around it; empty if it was not sent."""
        return (self.all(name) or [""])[0].strip()

    def all(self, name: str) -> Sequence[str]:
        """Return all values of a field."""
        return self.fields.get(name, ())


async def require_own_form(request: Request) -> OwnForm:
    """Return a form that a page of this desk sent; for `Depends` of routes that change something.

    Raises:
        HTTPException: another site sent it, the browser doesn't say, or it can't be read.
    """
    # Browsers say `same-origin` on this machine and on encrypted connections, and else the origin.
    said = request.headers.get("sec-fetch-site")
    origin = urlsplit(request.headers.get("origin", "")).netloc
    is_own = said == "same-origin" if said else origin == request.headers.get("host")
    if not is_own:
        raise HTTPException(403, "Another site sent this form. Nothing was changed.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise HTTPException(415, f"Expected a form as {FORM}.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, "The form is too large. Nothing was changed.")
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HTTPException(400, "The form can't be read. Nothing was changed.") from None
    return OwnForm(fields)
