"""In which form was a log saved, and what does one line of it say? Told by how the file begins.

``logplex``: drain bodies, with or without the requests' heads around them. ``heroku``: what ``heroku logs`` prints. ``papertrail-tsv``: Papertrail's
archives (ten columns). ``papertrail``: what its search and its CLI print. ``syslog``: messages without a length, one a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from . import router
from .gathering import Gathering


class Form(StrEnum):
    """How a saved log is written."""

    LOGPLEX = "logplex"
    REQUESTS = "requests"
    HEROKU = "heroku"
    PAPERTRAIL_TSV = "papertrail-tsv"
    PAPERTRAIL = "papertrail"
    SYSLOG = "syslog"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some whole lines of one file, of ``app`` or, where that is empty, of whom each line names. ``year`` completes times that have none."""

    form: Form
    app: str
    content: bytes
    year: int = 1970
    otherwise: str = ""
    """Whose a line is that names nobody."""


_FRAME = re.compile(rb"\d{1,6} <\d{1,3}>1 ")
_SYSLOG = re.compile(rb"<\d{1,3}>1 \S+ \S+ ")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_HEROKU = re.compile(r"(\S{10,40}) ([a-z-]{1,40})\[([^\]\s]{1,200})\]: ?(.*)", re.DOTALL)
_PAPERTRAIL = re.compile(
    r"(?:([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)|(\d{4}-\d\d-\d\d[T ]\S+)) ([\w.:-]{1,100}) ([a-z-]{1,40})/([^:\s]{1,200}): ?(.*)",
    re.DOTALL,
)
_HOST = re.compile(rb" host=([a-z][a-z0-9-]{1,60}?)(?:-[0-9a-f]{12})?\.herokuapp\.com")
_NEVER = re.compile(r"(?!)")
_TSV_COLUMNS = 10
_NAME = re.compile(r"[\w.:-]{0,100}")
_PROGRAM = re.compile(r"[a-z-]{1,40}/[\w.:-]{1,200}")


def told(beginning: bytes) -> Form | None:
    """Return the form of a file that begins so; None when it is none that we know.

    >>> told(b"2026-09-14T09:12:53.000200+00:00 app[web.1]: hello")
    <Form.HEROKU: 'heroku'>
    """
    if beginning.startswith((b"POST ", b"PUT ")):
        return Form.REQUESTS
    if _FRAME.match(beginning):
        return Form.LOGPLEX
    votes = dict.fromkeys((Form.HEROKU, Form.PAPERTRAIL_TSV, Form.PAPERTRAIL, Form.SYSLOG, Form.LOGPLEX), 0)
    # The first lines may be a shell's prompt or a warning, so the file's form is what most of them have.
    lines = beginning.split(b"\n")[:200]
    for raw in lines:
        line = _COLOUR.sub("", raw.decode(errors="replace"))
        votes[Form.HEROKU] += _HEROKU.match(line) is not None
        votes[Form.PAPERTRAIL] += _PAPERTRAIL.match(line) is not None
        votes[Form.PAPERTRAIL_TSV] += _tsv_columns(line) is not None
        votes[Form.SYSLOG] += _SYSLOG.match(raw) is not None
        votes[Form.LOGPLEX] += _FRAME.match(raw) is not None
    best = max(votes, key=lambda form: votes[form])
    # A program or a picture has something that looks like a line now and then.
    return best if votes[best] * 20 >= len(lines) else None


def app_of(beginning: bytes) -> str | None:
    """Return the app that most router lines name by its host at herokuapp.com.

    >>> app_of(b'method=GET path="/" host=shopfront-3f2a1b0c9d8e.herokuapp.com request_id=r')
    'shopfront'
    """
    hosts = [match.decode() for match in _HOST.findall(beginning)]
    return max(sorted(set(hosts)), key=hosts.count) if hosts else None


def gather(piece: Piece, rows: Gathering) -> None:
    """Read a piece into ``rows``."""
    if piece.form is Form.LOGPLEX or piece.form is Form.REQUESTS:
        rows.body(piece.app, piece.content)
        return
    if piece.app:
        rows.tallies[piece.app, "wire"] += len(piece.content)
    if piece.form is Form.SYSLOG:
        for message in piece.content.split(b"\n"):
            if message:
                rows.message(piece.app, message)
        return
    text = _decoded(piece, rows)
    reader = _READERS[piece.form]
    pattern = router.IN_TEXT_SHORT if rows.redacting else router.IN_TEXT
    routed = pattern.fullmatch if piece.form is Form.HEROKU else _NEVER.match
    take = rows.router[piece.app].append
    for line in text.split("\n"):
        if found := routed(line):
            take(found.groups(""))
            continue
        line = line.removesuffix("\r")
        if line and not reader(piece, line, rows):
            rows.malformed(piece.app or piece.otherwise, "no-header", line)


def _decoded(piece: Piece, rows: Gathering) -> str:
    try:
        return piece.content.decode()
    except UnicodeDecodeError:
        bad = sum(1 for line in piece.content.split(b"\n") if not _is_utf8(line))
        rows.tallies[piece.app or piece.otherwise, "not-utf8"] += bad
        return piece.content.decode(errors="replace")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _heroku(piece: Piece, line: str, rows: Gathering) -> bool:
    found = _HEROKU.fullmatch(line) or ("\x1b" in line and _HEROKU.fullmatch(_COLOUR.sub("", line))) or None
    if found is None:
        return False
    rows.line(piece.app, found[1], found[2], found[3], found[4])
    return True


def _tsv_columns(line: str) -> list[str] | None:
    columns = line.split("\t", _TSV_COLUMNS - 1)
    return (
        columns
        if len(columns) == _TSV_COLUMNS and _NAME.fullmatch(columns[4]) and _PROGRAM.fullmatch(columns[8])
        else None
    )


def _tsv(piece: Piece, line: str, rows: Gathering) -> bool:
    columns = _tsv_columns(line)
    if columns is None:
        return False
    source, _, process = columns[8].partition("/")
    rows.line(_owner(piece, columns[4], line, rows), columns[1].replace(" ", "T", 1), source, process, columns[9])
    return True


def _papertrail(piece: Piece, line: str, rows: Gathering) -> bool:
    found = _PAPERTRAIL.fullmatch(line)
    if found is None:
        return False
    time = _with_year(found[1], piece.year) if found[1] else found[2].replace(" ", "T", 1)
    rows.line(_owner(piece, found[3], line, rows), time, found[4], found[5], found[6])
    return True


def _owner(piece: Piece, named: str, line: str, rows: Gathering) -> str:
    if piece.app:
        return piece.app
    named = named or piece.otherwise
    rows.tallies[named, "wire"] += len(line) + 1
    return named


def _with_year(time: str, year: int) -> str:
    """Return a time that came without its year.

    >>> _with_year("Sep 14 09:12:53", 2026)
    '2026-09-14T09:12:53+00:00'
    """
    try:
        return datetime.strptime(f"{year} {time}", "%Y %b %d %H:%M:%S").replace(tzinfo=UTC).isoformat()
    except ValueError:
        return ""


_READERS: dict[Form, Callable[[Piece, str, Gathering], bool]] = {
    Form.HEROKU: _heroku,
    Form.PAPERTRAIL_TSV: _tsv,
    Form.PAPERTRAIL: _papertrail,
}
