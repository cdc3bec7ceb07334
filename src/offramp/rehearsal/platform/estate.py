"""What should the simulated Heroku hold? Parses ``rehearsal.toml`` of an estate."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError

FILENAME = "rehearsal.toml"
_EVERY = re.compile(r"^(?:every )?(\d+)? ?(minute|hour|day)s?$")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_NAME = re.compile(r"^[a-z][a-z0-9-]{1,28}[a-z0-9]$")


@dataclass(frozen=True, slots=True)
class Attached:
    """An add-on to be provisioned: its plan and the name it is attached as (``DATABASE`` gives ``DATABASE_URL``)."""

    plan: str
    name: str


@dataclass(frozen=True, slots=True)
class Process:
    """How many dynos of one process type, and of which size."""

    quantity: int
    size: str


@dataclass(frozen=True, slots=True)
class Job:
    """A Heroku Scheduler job; ``every`` keeps the words (``10 minutes``)."""

    command: str
    every: str

    @property
    def seconds(self) -> int:
        return parse_every(self.every)


@dataclass(frozen=True, slots=True)
class DescribedApp:
    name: str
    slug: Path
    buildpacks: tuple[str, ...]
    domains: tuple[str, ...]
    addons: tuple[Attached, ...]
    formation: Mapping[str, Process]
    config: Mapping[str, str]
    jobs: tuple[Job, ...]
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """A whole estate. ``fill`` is the command that seeds the databases; empty when there is none."""

    name: str
    domain: str
    pipeline: str
    folder: Path
    fill: tuple[str, ...]
    apps: tuple[DescribedApp, ...]


def parse_every(words: str) -> int:
    """Return the seconds between two runs of a job.

    >>> parse_every("10 minutes"), parse_every("hour"), parse_every("1 day")
    (600, 3600, 86400)
    """
    found = _EVERY.match(words.strip().lower())
    if not found:
        raise UsageError(
            f"{words!r} is not an interval of Heroku Scheduler.", hint='Write "10 minutes", "1 hour" or "1 day".'
        )
    return int(found.group(1) or 1) * _SECONDS[found.group(2)]


def parse_procfile(text: str) -> dict[str, str]:
    """Return the commands of a Procfile by process type.

    >>> parse_procfile("web: gunicorn shop.wsgi\\n# no\\nrelease: ./migrate --all\\n")
    {'web': 'gunicorn shop.wsgi', 'release': './migrate --all'}
    """
    lines = (re.match(r"^([A-Za-z0-9_-]+):\s*(.+?)\s*$", line) for line in text.splitlines())
    return {line.group(1): line.group(2) for line in lines if line}


def read(folder: Path) -> Described:
    """Read the description in ``folder``. Raises UsageError that names the file and the key."""
    path = folder / FILENAME
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", hint="Point --estate at the folder that holds it."
        ) from error
    try:
        return parse(tomllib.loads(text), folder.resolve())
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}.") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} lacks something or has it in another shape: {error!r}.") from error


def parse(table: Mapping[str, object], folder: Path) -> Described:
    """Turn the parsed TOML into a description; paths become absolute."""
    fill = _strings(table.get("fill", []))
    apps = table.get("app", [])
    if not isinstance(apps, list) or not apps:
        raise UsageError(f"{folder / FILENAME} describes no [[app]].")
    name = str(table["name"])
    return Described(
        name=name,
        domain=str(table["domain"]),
        pipeline=str(table.get("pipeline", name)),
        folder=folder,
        fill=fill,
        apps=tuple(_app(app, folder) for app in apps),
    )


def _app(table: Mapping[str, object], folder: Path) -> DescribedApp:
    name = str(table["name"])
    if not _NAME.match(name):
        raise UsageError(
            f"{name!r} cannot be the name of a Heroku app.",
            hint="Use 3 to 30 of a-z, 0-9 and -, starting with a letter.",
        )
    slug = folder / str(table.get("slug", name))
    if not (slug / "Procfile").is_file():
        raise UsageError(f"{slug} has no Procfile, so nobody knows what app {name} runs.")
    return DescribedApp(
        name=name,
        slug=slug,
        buildpacks=_strings(table.get("buildpacks", ["heroku/python"])),
        domains=_strings(table.get("domains", [])),
        addons=tuple(
            Attached(str(addon["plan"]), str(addon.get("as", ""))) for addon in _tables(table.get("addons", []))
        ),
        formation={
            kind: Process(int(str(row.get("quantity", 1))), str(row.get("size", "Standard-1X")))
            for kind, row in _mapping(table.get("formation", {})).items()
            if isinstance(row, dict)
        },
        config={key: str(value) for key, value in _mapping(table.get("config", {})).items()},
        jobs=tuple(
            Job(str(job["command"]), _checked(str(job["every"]))) for job in _tables(table.get("scheduler", []))
        ),
        features=_strings(table.get("features", [])),
    )


def _checked(every: str) -> str:
    parse_every(every)
    return every


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return tuple(str(item) for item in value)


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not a table")
    return value


def _tables(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list of tables")
    return value
