"""Which requests make up the traffic, and where does what they write end up? Parsed once from ``traffic.toml``.

Reads may ``learn`` values from answers that later requests use. Creates, updates and deletes carry an Idempotency-Key; a create
names the table that must hold its row, so that ``proof`` can look.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import UsageError
from .values import Between, DaysAhead, Json, OneOf, Value, Words, placeholders

Kind = Literal["read", "create", "update", "delete"]
METHODS: Mapping[Kind, str] = {"read": "GET", "create": "POST", "update": "PATCH", "delete": "DELETE"}
# What the generator itself fills in, for rows that it made.
BUILT_IN = frozenset({"key", "version"})


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a create's row is found: ``token`` is the column that holds its Idempotency-Key.

    ``columns`` are both members of the request's body and columns of the table; they are compared.
    """

    database: str
    table: str
    token: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobTrace:
    """Where a create's background work leaves exactly one row, with the create's token in column ``token``."""

    database: str
    table: str
    token: str


@dataclass(frozen=True, slots=True)
class Action:
    """One kind of request. ``weight`` is its share of the traffic, relative to the others.

    ``origin`` names the member of the front end's configuration that holds the API's origin; ``of`` names the create whose
    rows an update, a delete or a read of one's own takes; ``key`` is where a create's answer holds the row's key.
    """

    name: str
    kind: Kind
    weight: float
    origin: str
    path: str
    body: Json = None
    learn: tuple[tuple[str, str], ...] = ()
    of: str | None = None
    key: str = "id"
    stored: Stored | None = None
    job: JobTrace | None = None

    @property
    def method(self) -> str:
        return METHODS[self.kind]

    @property
    def needs(self) -> frozenset[str]:
        """The names of the values that it is made of."""
        return placeholders(self.path) | placeholders(self.body)


@dataclass(frozen=True, slots=True)
class Front:
    """The front end's configuration, which tells where the APIs are. Every browser asks again after ``refresh_seconds``."""

    host: str
    path: str
    refresh_seconds: float = 1.0
    browsers: int = 4


@dataclass(frozen=True, slots=True)
class Traffic:
    front: Front
    values: tuple[tuple[str, Value], ...]
    actions: tuple[Action, ...]

    def action(self, name: str) -> Action:
        return next(action for action in self.actions if action.name == name)

    @property
    def creates(self) -> tuple[Action, ...]:
        return tuple(action for action in self.actions if action.kind == "create")


def load(path: Path) -> Traffic:
    """Read a traffic file. Raises UsageError that names the place and suggests the right word."""
    try:
        return parse(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UsageError) as error:
        raise UsageError(f"{path} is not a traffic file: {error}") from error


def parse(document: Mapping[str, Any]) -> Traffic:
    """Turn a parsed file into Traffic. Raises UsageError."""
    _known("the file", document, ("front", "values", *METHODS))
    values = tuple((name, _value(name, made)) for name, made in _table("values", document.get("values", {})).items())
    actions = tuple(_action(kind, entry) for kind in METHODS for entry in document.get(kind, ()))
    if not any(action.kind == "read" and not action.of for action in actions):
        raise UsageError("there is no [[read]].")
    traffic = Traffic(_front(_table("front", document.get("front", {}))), values, actions)
    _check_references(traffic)
    return traffic


def _front(entry: Mapping[str, Any]) -> Front:
    _known("[front]", entry, ("host", "path", "refresh_seconds", "browsers"), needed=("host", "path"))
    return Front(**entry)


def _value(name: str, made: object) -> Value:
    match made:
        case {"between": [int(low), int(high)], **rest} if not rest and low <= high:
            return Between(low, high)
        case {"one_of": [_, *_] as options, **rest} if not rest:
            return OneOf(tuple(options))
        case {"words": int(count), **rest} if not rest:
            return Words(count)
        case {"days_ahead": [int(low), int(high)], **rest} if not rest and low <= high:
            return DaysAhead(low, high)
    raise UsageError(f"values.{name} is none of between, one_of, words, days_ahead.")


_FIELDS: Mapping[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "read": (("name", "weight", "origin", "path"), ("learn", "of")),
    "create": (("name", "weight", "origin", "path", "body", "stored"), ("job", "key")),
    "update": (("name", "weight", "origin", "path", "body", "of"), ()),
    "delete": (("name", "weight", "origin", "path", "of"), ()),
}


def _action(kind: Kind, entry: Mapping[str, Any]) -> Action:
    needed, optional = _FIELDS[kind]
    where = f"[[{kind}]] {entry.get('name', '')}".rstrip()
    _known(where, entry, needed + optional, needed=needed)
    rest = dict(entry)
    learn = tuple(rest.pop("learn", {}).items())
    stored = _stored(where, rest.pop("stored")) if "stored" in rest else None
    job = _job(where, rest.pop("job"), stored) if stored and "job" in rest else None
    return Action(kind=kind, learn=learn, stored=stored, job=job, **rest)


def _stored(where: str, entry: Mapping[str, Any]) -> Stored:
    names = ("database", "table", "token", "columns")
    _known(f"{where} stored", entry, names, needed=names)
    return Stored(entry["database"], entry["table"], entry["token"], tuple(entry["columns"]))


def _job(where: str, entry: Mapping[str, Any], stored: Stored) -> JobTrace:
    _known(f"{where} job", entry, ("database", "table", "token"), needed=("table", "token"))
    return JobTrace(entry.get("database", stored.database), entry["table"], entry["token"])


def _check_references(traffic: Traffic) -> None:
    """Every value is drawn, learned or built in, and whatever is ``of`` something is of a create."""
    creates = {action.name for action in traffic.creates}
    known = {name for name, _ in traffic.values} | {name for action in traffic.actions for name, _ in action.learn}
    for action in traffic.actions:
        if action.of and action.of not in creates:
            raise UsageError(
                f"{action.name} is of {action.of!r}, which is not a [[create]].{_suggest(action.of, creates)}"
            )
        allowed = known | (BUILT_IN if action.of else frozenset())
        for name in sorted(action.needs - allowed):
            raise UsageError(f"{action.name} uses {{{name}}}, which nothing provides.{_suggest(name, allowed)}")


def _table(name: str, entry: object) -> Mapping[str, Any]:
    if not isinstance(entry, dict):
        raise UsageError(f"{name} is not a table.")
    return entry


def _known(where: str, entry: Mapping[str, Any], known: Iterable[str], *, needed: Iterable[str] = ()) -> None:
    known = tuple(known)
    for name in entry:
        if name not in known:
            raise UsageError(f"{where} has an unknown key {name!r}.{_suggest(name, known)}")
    if missing := [name for name in needed if name not in entry]:
        raise UsageError(f"{where} lacks {', '.join(missing)}.")


def _suggest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
