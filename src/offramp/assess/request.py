"""What was asked of an assessment: which objective, logs, region and what-ifs, how long to watch, and how fresh must it be?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ..settings import Settings
from .model import Conditions


@dataclass(frozen=True, slots=True)
class Request:
    """``since`` is the moment (seconds since 1970) before which an assessment on file is too old; 0 takes any.

    ``watch_seconds`` is how long the databases' counters are watched before anything else is read; 0 for not at all.
    """

    settings: Settings
    conditions: Conditions
    since: float = 0.0
    watch_seconds: float = 0.0

    @property
    def logs(self) -> Path:
        """The folder of the log lines; a relative one is beside ``offramp.toml``."""
        return self.settings.directory / self.conditions.logs


def by_itself(settings: Settings) -> Request:
    """Return what `offramp run` asks: whatever is on file will do, and what is made must not hold it up."""
    return Request(settings, replace(_conditions(settings), brief=True))


def anew(
    settings: Settings,
    since: float,
    *,
    objective_ms: float | None = None,
    logs: Path | None = None,
    region: str | None = None,
    what_if: tuple[str, ...] = (),
    watch_seconds: float = 0.0,
) -> Request:
    """Return what `offramp assess` asks; None leaves what ``offramp.toml`` says."""
    usual = _conditions(settings)
    asked = Conditions(
        objective_ms=usual.objective_ms if objective_ms is None else objective_ms,
        region=region or usual.region,
        logs=usual.logs if logs is None else str(logs),
        what_if=what_if,
    )
    return Request(settings, asked, since, watch_seconds)


def _conditions(settings: Settings) -> Conditions:
    return Conditions(settings.assess.objective_ms, settings.aws.region, settings.assess.logs)
