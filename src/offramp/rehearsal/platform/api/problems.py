"""How does the Platform API say no? With a status and ``{id, message, url}``."""

from __future__ import annotations


class ProblemError(Exception):
    """An answer that is not the wanted one; the middleware turns it into JSON."""

    def __init__(self, status: int, identity: str, message: str, url: str = "") -> None:
        super().__init__(message)
        self.status, self.identity, self.message, self.url = status, identity, message, url

    def body(self) -> dict[str, str]:
        return {"id": self.identity, "message": self.message, **({"url": self.url} if self.url else {})}


def not_found(what: str) -> ProblemError:
    return ProblemError(404, "not_found", f"Couldn't find that {what}.")


def invalid(message: str) -> ProblemError:
    return ProblemError(422, "invalid_params", message)


def bad_request(message: str) -> ProblemError:
    return ProblemError(400, "bad_request", message)


UNAUTHORIZED = (401, "unauthorized", "Invalid credentials provided.")
FORBIDDEN = (403, "forbidden", "You do not have the authorization scope that this action needs.")
RATE_LIMIT = (
    429,
    "rate_limit",
    "Your account reached the API rate limit. Please wait a few minutes before making new requests",
    "https://devcenter.heroku.com/articles/platform-api-reference#rate-limits",
)
MISSING_VERSION = (
    404,
    "missing_version",
    "Please specify a version along with Heroku's API MIME type. For example, `Accept: application/vnd.heroku+json; version=3`.",
)
