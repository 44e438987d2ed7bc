"""Who has signed in at the desk: kept in memory, so a restart signs everybody out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import HTTPException

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployments.desk.attempts import Attempts

SESSION_SECONDS = 8 * 3600
LONGEST_NAME, SESSIONS_KEPT = 80, 1000


@dataclass(frozen=True)
class Notice:
    """What a page says about an action.

    Attributes:
        page: its path; another one, such as one that loads itself again, leaves it alone.
        text: in plain words.
        is_problem: whether it did not take place.
    """

    page: str
    text: str
    is_problem: bool = False


@dataclass
class Session:
    """Somebody who has signed in.

    Attributes:
        name: as they gave it.
        expires: on the clock of the sessions.
        lock: held while they act, so that the second of two clicks waits for the first.
    """

    name: str
    expires: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _used: set[str] = field(default_factory=set)
    _notices: list[Notice] = field(default_factory=list)

    @property
    def who(self) -> str:
        """As the ledger names them: never like a run, nor like a user of the machine."""
        return f"{self.name} (desk)"

    def form_token(self) -> str:
        """Return a token for one form of this session, which can be sent once."""
        number = secrets.token_urlsafe(12)
        return f"{number}.{self._seal(number)}"

    def owns(self, token: str) -> bool:
        """Return whether a form's token was made for this session."""
        number, _, seal = token.partition(".")
        return hmac.compare_digest(self._seal(number).encode(), seal.encode())

    def is_first_use(self, token: str) -> bool:
        """Return whether a form's token was not used before, and remember that it is now."""
        number, _, _ = token.partition(".")
        is_first = number not in self._used
        self._used.add(number)
        return is_first

    def tell(self, notice: Notice) -> None:
        """Let a page say something."""
        self._notices.append(notice)

    def has_notices(self) -> bool:
        """Return whether a page has something to say yet."""
        return bool(self._notices)

    def take_notices(self, page: str) -> list[Notice]:
        """Return what a page has to say, once."""
        taken = [each for each in self._notices if each.page == page]
        self._notices = [each for each in self._notices if each.page != page]
        return taken

    def _seal(self, number: str) -> str:
        return hmac.new(self._key, number.encode(), "sha256").hexdigest()


# Of the request that is answered; pages ask for it.
CURRENT: ContextVar[Session | None] = ContextVar("CURRENT", default=None)
PAGE: ContextVar[str] = ContextVar("PAGE", default="")


class Sessions:
    """All sessions of a desk.

    Args:
        token: returns the desk's token, which may be made when it is first asked for.
        attempts: counts wrong tokens.
        clock: seconds; never goes back.
    """

    def __init__(
        self,
        token: Callable[[], str],
        attempts: Attempts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token, self._attempts, self._clock = token, attempts, clock
        self._sessions: dict[str, Session] = {}

    def require_token(self, given: str, address: str) -> None:
        """Check the desk's token.

        Raises:
            HTTPException: it is wrong, or there were too many wrong ones from this address.
            UsageError: the file of the token is empty.
        """
        if self._attempts.are_too_many(address):
            raise HTTPException(429, self._attempts.message, self._attempts.headers)
        if not secrets.compare_digest(given.encode(), self._token().encode()):
            self._attempts.count(address)
            raise HTTPException(401, "This is not the desk's token.")

    def sign_in(self, given: str, name: str, address: str) -> str:
        """Return the secret of a new session, for a cookie.

        Raises:
            HTTPException: the token is wrong, or the name is blank or too long.
            UsageError: the file of the token is empty.
        """
        self.require_token(given, address)
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise HTTPException(
                422, f"Give your name, in at most {LONGEST_NAME} characters: the ledger keeps it."
            )
        self._forget()
        secret = secrets.token_urlsafe(32)
        session = Session(name, self._clock() + SESSION_SECONDS)
        self._sessions = {**self._sessions, _key_of(secret): session}
        return secret

    def sign_out(self, secret: str) -> None:
        """End a session."""
        self._sessions.pop(_key_of(secret), None)

    def find(self, secret: str) -> Session | None:
        """Return the session of a cookie; None if there is none, or it has ended."""
        session = self._sessions.get(_key_of(secret))
        return session if session is not None and session.expires > self._clock() else None

    def _forget(self) -> None:
        valid = [each for each in self._sessions.items() if each[1].expires > self._clock()]
        self._sessions = dict(valid[-SESSIONS_KEPT:])


def _key_of(secret: str) -> str:
    # The memory of the process holds no secret that would open a session.
    return hashlib.sha256(secret.encode()).hexdigest()
