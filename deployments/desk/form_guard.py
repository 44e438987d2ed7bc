"""A form that was sent goes in; its fields come out, if a page of this desk sent it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 - FastAPI reads annotations when it runs

from deployments.desk.csrf import read_fields, require_same_origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
    """Return a form that a page of this desk sent; for what needs nobody to sign in.

    Raises:
        HTTPException: another site sent it, the browser doesn't say, or it can't be read.
    """
    require_same_origin(request)
    return OwnForm(await read_fields(request))
