"""What does Heroku's refusal mean for a person? One error of ours for each kind of 4xx."""

from __future__ import annotations

from ..errors import CredentialsRejectedError, OfframpError, OutsideError, RefusedError, UsageError


def refusal(status: int, body: tuple[str, str], method: str, path: str) -> OfframpError:
    """Return the error for a final answer with ``status``; ``body`` is Heroku's own error id and message."""
    kind, said = body
    request = f"{method} {path}"
    because = f": {said.rstrip('.')}" if said else ""
    if status == 401:
        return CredentialsRejectedError(
            f"Heroku did not accept the token for {request}{because}.",
            hint="Export a fresh one: `heroku authorizations:create --scope read-protected,write-protected --short`.",
        )
    if status == 403:
        return CredentialsRejectedError(f"Heroku forbade {request}{because}.", hint=_forbidden_hint(kind, method))
    if status == 404:
        return UsageError(
            f"Heroku does not know what {request} asks for{because}.",
            hint=f"Check {_subject(path)} in offramp.toml, and that the token's account may see it.",
        )
    if status == 402:
        return RefusedError(
            f"Heroku refused {request}{because}.", hint="The account has unpaid bills or no card; see its billing page."
        )
    if status in (400, 409, 422):
        return RefusedError(f"Heroku refused {request}{because}.", hint="Heroku's own words say what to change.")
    return OutsideError(
        f"Heroku answered {request} with {status}{because}.", hint="Look at https://status.heroku.com, then try again."
    )


def _forbidden_hint(kind: str, method: str) -> str:
    if kind == "two_factor":
        return "The account wants a second factor; use a token made by `heroku authorizations:create`, which does not."
    if kind == "suspended":
        return "The account or app is suspended; Heroku's support can lift that."
    if method == "GET":
        return (
            "Looking needs the scopes read and read-protected (config vars are protected): `heroku authorizations:create "
            "--scope read,read-protected --short`; and the token's account needs access to the app."
        )
    return "The token needs the scope write-protected and its account needs access to the app."


def _subject(path: str) -> str:
    """Say what a path is about.

    >>> _subject("/apps/mentors-api/formation")
    'the app name mentors-api'
    """
    parts = path.strip("/").split("/")
    if parts[0] == "apps" and len(parts) > 1:
        return f"the app name {parts[1]}"
    return "the names"
