"""What may be missing from Heroku's answers without stopping the look? Parts that the token may not see are noted, not fatal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from ..errors import CredentialsRejectedError, UsageError

Found = TypeVar("Found")


class Unread:
    """What could not be read, one sentence each. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock, self._sentences = threading.Lock(), set[str]()

    def optional(self, what: str, ask: Callable[[], Found], default: Found) -> Found:
        """Return the answer, or ``default`` with a note where Heroku forbids it or does not know it (403, 404)."""
        try:
            return ask()
        except (CredentialsRejectedError, UsageError) as error:
            self.note(f"{what} could not be read: {error.message}")
            return default

    def known(self, ask: Callable[[], Found], default: Found) -> Found:
        """Return the answer, or ``default`` where Heroku has none (404), which is an answer like any other."""
        try:
            return ask()
        except UsageError:
            return default

    def note(self, sentence: str) -> None:
        with self._lock:
            self._sentences.add(sentence)

    @property
    def sentences(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(sorted(self._sentences))
