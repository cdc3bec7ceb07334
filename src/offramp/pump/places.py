"""Where are the two databases of a move alone? A libpq URL, a service of pg_service.conf, or a command that prints either.

Whatever way a place is named, it is asked for afresh before every connection, since passwords rotate and servers move.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from configparser import Error as MalformedFile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ..errors import UnreachableError, UsageError
from ..kit.secret import Secret, password_of, without_password

Side = Literal["source", "target"]
COMMAND_SECONDS = 30
# What a URL has a place of its own for; everything else goes into its query.
_PARTS = ("user", "password", "host", "port", "dbname")


@dataclass(frozen=True, slots=True)
class Place:
    """One of the two databases. ``word`` is how to name it again in a command line, or None when it was not named there."""

    side: Side
    word: str | None
    ask: Callable[[], Secret]
    advice: str = ""
    """What would be a better way to name it, when a password can be read in the list of processes."""
    command: str | None = None
    """The shell command that prints it, when one was named in the command line."""

    @property
    def shown(self) -> str:
        """The place as it may be shown: no password. Asks for it, so the errors are those of ``ask``."""
        return without_password(self.ask().reveal())


def place(side: Side, given: str | None, command: str | None, environ: Mapping[str, str]) -> Place:
    """Return the place that a person named, or that the environment names.

    Raises UsageError when nothing names it, when two things do, or when it cannot be read.
    """
    variable = f"OFFRAMP_{side.upper()}_URL"
    if given and command:
        raise UsageError(
            f"The {side} is named twice: as an argument and by --{side}-command.", hint="Leave one of them out."
        )
    if given:
        return _as_argument(side, given, variable, environ)
    if shell := command or environ.get(f"{variable}_COMMAND"):
        return Place(side, None, lambda: read(printed_by(shell, side), side, environ), command=command)
    if text := environ.get(variable):
        read(text, side, environ)
        return Place(side, None, lambda: read(text, side, environ))
    raise UsageError(
        f"Nothing says where the {side} database is.",
        hint=f"Name it as an argument (a libpq URL or a service), in {variable}, or with --{side}-command.",
    )


def _as_argument(side: Side, given: str, variable: str, environ: Mapping[str, str]) -> Place:
    secret = read(given, side, environ)
    named = "://" not in given and "=" not in given
    hidden = not named and ("password" in conninfo_to_dict(given) or bool(password_of(given)))
    advice = (
        f"The {side}'s password stands in the command line, where others on this machine can read it. "
        f"Put the URL into {variable}, or name a service whose password is in a passfile."
    )
    del secret
    return Place(side, None if hidden else given, lambda: read(given, side, environ), advice if hidden else "")


def read(text: str, side: Side, environ: Mapping[str, str]) -> Secret:
    """Return the URL that ``text`` means: a libpq URL, ``service=NAME``, a bare service's name, or ``key=value`` pairs.

    Raises UsageError; its words never repeat the text, which may hold a password.
    """
    text = text.strip()
    if "://" not in text and "=" not in text:
        text = f"service={text}"
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(text).items() if value is not None}
    except psycopg.ProgrammingError:
        raise UsageError(
            f"The {side} is neither a libpq URL (postgres://user@host/database) nor the name of a service."
        ) from None
    if not all(port.isdigit() for port in given.get("port", "0").split(",")):
        raise UsageError(f"The {side}'s port is not a number.")
    service = given.pop("service", None)
    if service is None and "://" in text and "," not in given.get("host", ""):
        return Secret(text)
    return Secret(to_url({**(_service(service, environ) if service else {}), **given}))


def to_url(given: Mapping[str, str]) -> str:
    """Return connection parameters as a URL, which every driver reads alike.

    >>> to_url({"host": "db.example", "user": "app", "password": "p@ss", "dbname": "shop", "sslmode": "require"})
    'postgresql://app:p%40ss@db.example/shop?sslmode=require'
    >>> to_url({"host": "/run/postgresql", "port": "5433", "dbname": "shop"})
    'postgresql:///shop?host=%2Frun%2Fpostgresql&port=5433'
    """
    plain = {key: quote(given.get(key, ""), safe="") for key in _PARTS}
    host, port = given.get("host", ""), given.get("port", "")
    more = {key: value for key, value in given.items() if key not in _PARTS}
    if not host or host.startswith("/") or "," in host:
        # A folder or a list of hosts has no room before the path.
        more = {**{key: given[key] for key in ("host", "port") if given.get(key)}, **more}
        address = ""
    else:
        address = (f"[{host}]" if ":" in host else plain["host"]) + (f":{port}" if port else "")
    who = plain["user"] + (f":{plain['password']}" if plain["password"] else "")
    if who and not address:
        more = {**{key: given[key] for key in ("user", "password") if given.get(key)}, **more}
    at = f"{who}@" if who and address else ""
    return f"postgresql://{at}{address}/{plain['dbname']}" + (f"?{urlencode(more)}" if more else "")


def _service(name: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Read one service as libpq does: the person's own file first, then the machine's."""
    files = service_files(environ)
    for path in files:
        found = ConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None, strict=False)
        found.optionxform = str  # type: ignore[assignment,method-assign]  # Names of parameters keep their case.
        try:
            found.read(path, "utf-8")
        except (MalformedFile, UnicodeDecodeError):
            raise UsageError(f"{path} is not a file of services.", hint="See libpq's pg_service.conf.") from None
        if found.has_section(name):
            return dict(found.items(name))
    raise UsageError(
        f"There is no service named {name}.",
        hint=f"Services are looked for in {' and '.join(str(path) for path in files)}.",
    )


def service_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where libpq looks for services.

    >>> [str(path) for path in service_files({"HOME": "/home/ada", "PGSYSCONFDIR": "/etc/postgresql"})]
    ['/home/ada/.pg_service.conf', '/etc/postgresql/pg_service.conf']
    """
    own = environ.get("PGSERVICEFILE")
    first = Path(own) if own else Path(environ.get("HOME") or "/") / ".pg_service.conf"
    system = environ.get("PGSYSCONFDIR")
    return (first, *((Path(system) / "pg_service.conf",) if system else ()))


def printed_by(command: str, side: Side) -> str:
    """Run a shell command and return what it printed. Raises UnreachableError, which shows neither: both can hold a password."""
    try:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"The {side}'s command did not answer within {COMMAND_SECONDS} s.") from error
    if done.returncode or not done.stdout.strip():
        raise UnreachableError(
            f"The {side}'s command ended with status {done.returncode} and printed {'something' if done.stdout.strip() else 'nothing'}.",
            hint="Run it by hand: it should print a libpq URL and end with status 0.",
        )
    return done.stdout.strip()
