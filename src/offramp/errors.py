"""Which errors can reach a caller, and what a person can do about each?

OfframpError
├── RefusedError      1  the answer is no: the world or the plan forbids it
├── UsageError        2  the command, a setting or a file is malformed
├── WaitingError      3  a person or another controller must act first
├── BugError          4  offramp broke one of its own rules
└── OutsideError      5  something outside offramp did not answer as it should
    ├── CredentialsRejectedError
    ├── UnreachableError
    └── RateLimitedError
"""

from __future__ import annotations

from typing import ClassVar


class OfframpError(Exception):
    """An error that names what happened, where, and what a person can do.

    ``code`` is stable and appears in ``--json`` output; ``exit_status`` is the process's; ``retry`` says whether the
    same call may succeed later without anybody changing anything.
    """

    code: ClassVar[str] = "error"
    exit_status: ClassVar[int] = 4
    retry: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class RefusedError(OfframpError):
    """The world or the plan forbids what was asked."""

    code, exit_status = "refused", 1


class UsageError(OfframpError):
    """A command line, a setting or a file does not say something offramp can do."""

    code, exit_status = "usage", 2


class WaitingError(OfframpError):
    """A person, or another controller that holds the lease, must act first."""

    code, exit_status, retry = "waiting", 3, True


class BugError(OfframpError):
    """Offramp broke one of its own rules; please report it with the journal."""

    code, exit_status = "bug", 4


class OutsideError(OfframpError):
    """Something outside offramp did not answer as it should."""

    code, exit_status, retry = "outside", 5, True


class CredentialsRejectedError(OutsideError):
    """The other side no longer accepts our credentials."""

    code, retry = "credentials-rejected", False


class UnreachableError(OutsideError):
    """The other side cannot be reached."""

    code = "unreachable"


class RateLimitedError(OutsideError):
    """The other side asks us to slow down, and waiting politely did not help."""

    code = "rate-limited"
