"""Which request is next, and which of the rows that we made may be changed? Seeded: one seed, one sequence of choices."""

from __future__ import annotations

import json
import random
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import UUID

from .ledger import Write, WriteKind
from .traffic import BUILT_IN, Action, Traffic
from .values import Json, draw, find, render

# What was learned is forgotten in turn, so that a long run does not grow.
KEPT_LEARNED = 500
_VARIANT = (4 << 76) | (0x8 << 60)


@dataclass(slots=True)
class OwnRow:
    """A row that one of our acknowledged creates made; ``version`` is the last one we sent."""

    create: str
    token: str
    key: Json
    version: int = 1


@dataclass(frozen=True, slots=True)
class Request:
    """One request to send: ``path`` is relative to the origin that ``action`` names."""

    serial: int
    action: Action
    path: str
    body: Json
    write: Write | None = None
    row: OwnRow | None = None

    @property
    def content(self) -> bytes | None:
        return None if self.body is None else json.dumps(self.body).encode()


@dataclass
class Mix:
    """Chooses requests. ``run`` is eight hex digits that every token of this run begins with."""

    traffic: Traffic
    run: str
    chance: random.Random
    learned: dict[str, deque[Json]] = field(default_factory=dict)
    own: dict[str, list[OwnRow]] = field(default_factory=dict)

    def token(self, serial: int) -> UUID:
        """Return the token of one request: a UUID that tells the run and the request."""
        return UUID(int=(int(self.run, 16) << 96) | _VARIANT | serial)

    def next(self, serial: int, now: float) -> Request:
        """Choose among what can be sent at this moment, by weight."""
        ready = [action for action in self.traffic.actions if self._ready(action)]
        action = self.chance.choices(ready, [action.weight for action in ready])[0]
        row = self._take(action.of) if action.of else None
        if row and action.kind == "update":
            row.version += 1
        values = self._draw(action, row, now)
        path = str(render(action.path, lambda name: quote(str(values[name]), safe="@")))
        body = render(action.body, values.__getitem__)
        write = self._write(serial, action, body, row, now)
        return Request(serial, action, path, body, write, row)

    def answered(self, request: Request, document: Json) -> None:
        """Take in a good answer: learn from it, and own the row that it made."""
        for name, path in request.action.learn:
            self.learned.setdefault(name, deque(maxlen=KEPT_LEARNED)).extend(find(document, path))
        if request.action.kind == "create" and request.write:
            for key in find(document, request.action.key):
                self._give(OwnRow(request.action.name, request.write.row, key))

    def ended(self, request: Request, *, in_doubt: bool) -> None:
        """Give a row back for others to change, unless it is deleted or a write to it is in doubt."""
        if request.row and request.action.kind != "delete" and not (request.write and in_doubt):
            self._give(request.row)

    def _give(self, row: OwnRow) -> None:
        self.own.setdefault(row.create, []).append(row)

    def _ready(self, action: Action) -> bool:
        if action.of and not self.own.get(action.of):
            return False
        drawn = {name for name, _ in self.traffic.values} | BUILT_IN
        return all(name in drawn or self.learned.get(name) for name in action.needs)

    def _take(self, create: str) -> OwnRow:
        """Take a row out of reach of all other requests, so that none meets it half changed, or gone."""
        rows = self.own[create]
        place = self.chance.randrange(len(rows))
        rows[place], rows[-1] = rows[-1], rows[place]
        return rows.pop()

    def _draw(self, action: Action, row: OwnRow | None, now: float) -> dict[str, Json]:
        values: dict[str, Json] = {"key": row.key, "version": row.version} if row else {}
        fixed = dict(self.traffic.values)
        for name in sorted(action.needs - values.keys()):
            values[name] = (
                draw(fixed[name], self.chance, now) if name in fixed else self.chance.choice(self.learned[name])
            )
        return values

    def _write(self, serial: int, action: Action, body: Json, row: OwnRow | None, now: float) -> Write | None:
        if action.kind == "read":
            return None
        create = self.traffic.action(row.create) if row else action
        columns = create.stored.columns if create.stored else ()
        content = {name: body[name] for name in columns if name in body} if isinstance(body, dict) else {}
        kind: WriteKind = action.kind
        token = row.token if row else str(self.token(serial))
        return Write(self.run, serial, kind, action.name, create.name, token, content, now)
