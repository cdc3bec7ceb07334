"""What was the origin's schema when it was dumped? Without that nobody could tell later what has changed since.

The sketch is made before the dump, so a change that falls between the two shows as a difference: what the receiver has of it
already is left alone, the rest is carried over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from ..errors import WaitingError
from ..postgres import Connection
from . import fingerprint, picture
from .picture import Album, Picture, Scenery, Thing
from .session import Session

# A sketch that something moved under is made again.
TRIES = 20


@dataclass(frozen=True, slots=True)
class Sketch:
    """The whole schema at one moment, with its fingerprints then."""

    snapshot: str
    scenery: str
    things: tuple[Thing, ...]
    pictures: Mapping[int, Picture]
    fingerprints: Mapping[int, str]


def sketch(session: Session) -> Sketch:
    """Return the origin's schema as it is now. Raises WaitingError when it changes all the time."""
    for _ in range(TRIES):
        try:
            made = _sketch(session.origin)
        except (psycopg.errors.InternalError_, psycopg.errors.LockNotAvailable):
            continue  # A definition was to be printed whose object has just gone, or which somebody is changing.
        again = fingerprint.read(session.origin, list(made.pictures))
        if again == made.fingerprints and fingerprint.scenery(session.origin) == made.scenery:
            return made
        session.rest(0.1)
    raise WaitingError("The origin's schema is changing all the time; the link begins when it rests.")


def _sketch(origin: Connection) -> Sketch:
    with picture.one_moment(origin):
        oids = picture.new_tables(origin, ())
        return Sketch(
            picture.snapshot(origin),
            fingerprint.scenery(origin),
            picture.things(origin),
            picture.tables(origin, oids),
            fingerprint.read(origin, oids),
        )


def remember(session: Session, made: Sketch) -> None:
    """Keep the sketch at the receiver as what was carried over, in the transaction that brings the dump in.

    A table whose shape is another one by now keeps the older fingerprint, so the first batch sees to it.
    """
    album = Album(session.receiver, session.link)
    album.create()
    for moved in session.ledger.tables():
        drawn = made.pictures.get(moved.relid)
        if drawn is None:
            album.doubt(moved.relid, "")
            continue
        album.keep(moved.relid, drawn, complete=True, seen=made.snapshot)
        shape = fingerprint.shape_of(made.fingerprints[moved.relid])
        if shape != fingerprint.shape_of(moved.fingerprint):
            album.doubt(moved.relid, f"{shape}/{fingerprint.triggers_of(moved.fingerprint)}")
    for oid, drawn in made.pictures.items():
        if drawn.kind == "p":  # It holds no rows, so the ledger does not know it.
            album.keep(oid, drawn, complete=True, seen=made.snapshot)
    album.keep_scenery(Scenery(session.server.system, made.scenery, made.things, ()))
