"""How does the controller speak to a running pooler's door?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from ..errors import CredentialsRejectedError, OutsideError, UnreachableError
from ..kit.secret import Secret


@dataclass(frozen=True, slots=True)
class PoolerState:
    """Which side each pooled database points at, and whether PgBouncer runs."""

    sides: Mapping[str, str]
    running: bool
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """The control endpoint at ``address:port``."""

    address: str
    port: int
    token: Secret
    seconds: float = 10

    def state(self) -> PoolerState:
        """Ask what is served. Raises UnreachableError or CredentialsRejectedError."""
        return self._ask("GET", "/state")

    def rewrite(self) -> PoolerState:
        """Make the pooler read its secret again and rewrite PgBouncer's configuration, which PgBouncer reads when its console says so.

        The answer carries the digest of what was read.
        """
        return self._ask("POST", "/rewrite")

    def _ask(self, method: str, path: str) -> PoolerState:
        url = f"http://{self.address}:{self.port}{path}"
        try:
            answer = httpx.request(
                method,
                url,
                headers={"Authorization": f"Bearer {self.token.reveal()}"},
                timeout=self.seconds,
                trust_env=False,
            )
        except httpx.HTTPError as error:
            raise UnreachableError(
                f"The pooler at {self.address}:{self.port} does not answer ({type(error).__name__}).",
                hint="Look at the ECS service `pooler`; its tasks' logs say why.",
            ) from error
        if answer.status_code == 401:
            raise CredentialsRejectedError(
                "The pooler refused the control token.", hint="Restart the ECS service `pooler`."
            )
        if answer.status_code != 200:
            raise OutsideError(f"The pooler answered {answer.status_code}: {answer.text[:200]}")
        body = answer.json()
        return PoolerState(dict(body["databases"]), bool(body["running"]), body.get("digest"))
