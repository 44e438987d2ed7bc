"""A form that was sent goes in; its fields come out, if one of our own pages sent it.

Three things must hold: the browser says that a page of this desk sent it, its sender has signed in,
and it carries a token that was made for this session and was not used before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from fastapi import HTTPException, Request

from deployments.desk.sessions import CURRENT, Session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIELD = "form_token"
FORM = "application/x-www-form-urlencoded"
MOST_BYTES, MOST_FIELDS = 2**20, 10_000


class SignInNeededError(HTTPException):
    """A form was sent by somebody who has not signed in, or whose session has ended."""

    def __init__(self) -> None:
        super().__init__(401, "Sign in first. Nothing was changed.")


@dataclass(frozen=True)
class SentForm:
    """A form that was sent.

    Attributes:
        session: of its sender.
        fields: values by name.
        is_repeated: it was sent before, as by a second click.
    """

    session: Session
    fields: Mapping[str, Sequence[str]]
    is_repeated: bool = False

    def get(self, name: str) -> str:
        """Return a field's value without the spaces around it; empty if it was not sent."""
        return self.all(name)[0].strip() if self.all(name) else ""

    def all(self, name: str) -> Sequence[str]:
        """Return all values of a field."""
        return self.fields.get(name, ())


async def require_form_token(request: Request) -> SentForm:
    """Return a form that may act; for `Depends` of any route that changes something.

    Templates put the token into the form: `{% include "form_token.html.j2" %}`.

    Raises:
        HTTPException: it came from elsewhere, nobody has signed in, its token is missing or wrong,
            or it was sent before.
    """
    form = await read_form(request)
    if form.is_repeated:
        raise HTTPException(409, "This form was sent before, and counted once.")
    return form


async def read_form(request: Request) -> SentForm:
    """Return a form that may act, or that was sent before; see `require_form_token`."""
    require_same_origin(request)
    session = CURRENT.get()
    if session is None:
        raise SignInNeededError
    fields = await read_fields(request)
    token = (fields.get(FIELD) or [""])[0]
    if not session.owns(token):
        raise HTTPException(
            403, "This form is not of this sign-in. Nothing was changed. Load its page again."
        )
    return SentForm(session, fields, is_repeated=not session.is_first_use(token))


def require_same_origin(request: Request) -> None:
    """Check that a page of this desk sent a request.

    Raises:
        HTTPException: another one did, or the browser doesn't say.
    """
    origin = urlsplit(request.headers.get("origin", ""))
    # Without the scheme, which a proxy with TLS changes; ports are part of it.
    is_same = bool(origin.netloc) and origin.netloc == request.headers.get("host")
    # What browsers say on encrypted connections and on this machine.
    is_same &= request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    if not is_same:
        raise HTTPException(403, "Another site sent this form. Nothing was changed.")


async def read_fields(request: Request) -> dict[str, list[str]]:
    """Return the fields of a form, values by name.

    Raises:
        HTTPException: it is no form, or too large.
    """
    kind, _, _ = request.headers.get("content-type", "").partition(";")
    if kind.strip().lower() != FORM:
        raise HTTPException(415, f"Expected a form as {FORM}.")
    body = await read_body(request)
    try:
        return parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise HTTPException(400, "The form can't be read. Nothing was changed.") from None


async def read_body(request: Request) -> bytes:
    """Return what was sent.

    Raises:
        HTTPException: it is larger than a form of ours can be.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"More than {MOST_BYTES:,} bytes. Nothing was changed.")
    return body
