"""Which clients may a migration use? The real ones or the rehearsal's doubles: same classes, other endpoints."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from . import aws, heroku, postgres
from .errors import UsageError
from .kit.clock import Clock, SystemClock
from .kit.recent import Recent
from .kit.secret import Secret
from .settings import Settings

ACTING_RESERVE = 500
"""A switch makes few calls and must not wait for a reserve that a large discovery has used up; discovery leaves the whole of it."""


def _go_on(_: str) -> None:
    """Do nothing: the ordinary interrupt."""


def _quiet(_: str, __: float | None = None) -> None:
    """Tell nobody: the ordinary listener."""


@dataclass(frozen=True)
class Tools:
    """Everything through which a stage may touch the world. Secrets are resolved here and nowhere else."""

    settings: Settings
    clock: Clock
    data: heroku.Data
    heroku: heroku.Platform
    heroku_token: Secret
    aws: aws.Clients
    interrupt: Callable[[str], None] = _go_on
    """Called around every move of a switch; tests end the process there."""
    tell: Callable[[str, float | None], None] = _quiet
    """Told how far a long look has come, and which share of it where that is known."""
    recent: Recent = field(default_factory=Recent)
    """What the last look saw, for the one that checks its deed."""

    def source_url(self, app: str, config_var: str) -> Secret:
        """Return a Heroku database's URL as it is now: Heroku rotates credentials, so it is never kept.

        Raises UsageError when the app has no such config var.
        """
        found = self.source_url_if_any(app, config_var)
        if found is None:
            raise UsageError(
                f"The app {app} has no config var {config_var}.",
                hint="Run `offramp discover` to read the estate again.",
            )
        return found

    def source_url_if_any(self, app: str, config_var: str) -> Secret | None:
        """Return the same, or None once the add-on is gone."""
        return self.heroku.config_vars(app).get(config_var)

    def connect(self, url: Secret, application_name: str = "offramp") -> psycopg.Connection[tuple[object, ...]]:
        """Open an autocommit connection with the pinned settings. Raises OutsideError without showing the URL."""
        return postgres.connect(url, application_name=application_name)


@contextmanager
def build(
    settings: Settings,
    *,
    environ: Mapping[str, str] = os.environ,
    clock: Clock | None = None,
    interrupt: Callable[[str], None] = _go_on,
) -> Iterator[Tools]:
    """Open the clients that ``settings`` names. Raises UsageError when the Heroku token is not in the environment."""
    token = settings.heroku.token(environ)
    ticking = clock or SystemClock()
    reserve = min(settings.heroku.reserve, ACTING_RESERVE)
    platform = heroku.Platform(settings.heroku.api, token, clock=ticking, reserve=reserve)
    data = heroku.Data(settings.heroku.data_api, token, clock=ticking)
    try:
        yield Tools(
            settings=settings,
            clock=ticking,
            heroku=platform,
            data=data,
            heroku_token=token,
            aws=aws.Clients(settings.aws.region, settings.aws.endpoint_url, profile=settings.aws.profile),
            interrupt=interrupt,
        )
    finally:
        platform.close()
        data.close()
