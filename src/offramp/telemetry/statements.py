"""Which statements does PostgreSQL find slow? Values are taken out, so that the same statement counts together and nothing of a row is kept."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from . import redact

# Heroku's prefix: [COLOR] [sequence-part], then since 2023 a run of key="value" (changelog; Dev Center, Heroku Postgres logs).
_PART = re.compile(r"\[([\w-]{1,80})\] \[(\d{1,12})-(\d{1,6})\] ?")
_PREFIX = re.compile(r"\s*sql_error_code = \w{5}(?:\s+\w+=\"[^\"]*\")*\s*")
_DURATION = re.compile(
    r"duration: (\d{1,12}(?:\.\d{1,6})?) ms\s+(?:statement|(?:parse|bind|execute)(?: fetch from)? [^:]*): ?(.*)",
    re.DOTALL,
)
_STATEMENT = re.compile(r"(?:statement|STATEMENT|QUERY|(?:parse|bind|execute)(?: fetch from)? [^:\s]*):\s+")
_TOLD = re.compile(r"(DETAIL|CONTEXT|HINT):")
_LITERAL = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|$)|[eEbBxX]?'(?:[^'\\]|''|\\.)*(?:'|$)|(\$[A-Za-z_]*\$).*?(?:\1|$)|\$\d+|(?<![\w.\"])[-+]?\d+(?:\.\d*)?"
    r"(?:[eE][-+]?\d+)?(?![\w\"])",
    re.DOTALL,
)
_LIST = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_ROWS = re.compile(r"(\((?:\?|\.\.\.)\))(?:\s*,\s*\((?:\?|\.\.\.)\))+")
TEXT_LIMIT = 4000


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a server message: parts with one ``sequence`` belong together."""

    database: str
    sequence: int
    number: int
    text: str


def part(text: str) -> Part | None:
    """Read the numbers in front of a server's line; a later part loses the prefix that the first one has.

    >>> part("[DATABASE] [12-2]  #011 from shop_order").text
    'from shop_order'
    """
    found = _PART.match(text)
    if not found:
        return None
    rest = text[found.end() :]
    if int(found[3]) > 1:
        rest = _PREFIX.sub("", rest, count=1).replace("#011", " ").strip()
    return Part(found[1], int(found[2]), int(found[3]), rest)


def slow(text: str) -> tuple[str, float, str] | None:
    """Return database, milliseconds and the statement without values, or None when the line is not of a slow statement.

    >>> slow("[DATABASE] [12-1]  sql_error_code = 00000 LOG:  duration: 2405.887 ms  statement: SELECT 1 FROM a WHERE id = 4711")
    ('DATABASE', 2405.887, 'SELECT ? FROM a WHERE id = ?')
    """
    found = _DURATION.search(text)
    if not found:
        return None
    head = _PART.match(text)
    sql = _TOLD.split(found[2], maxsplit=1)[0]
    return head[1] if head else "", float(found[1]), normal(sql)


def normal(sql: str) -> str:
    """Return a statement with every value as ``?``, its lists shortened and its white space even.

    >>> normal("select  *\\nfrom a where x in (1, 2,3) and y = 'it''s' -- why")
    'select * from a where x in (...) and y = ?'
    """
    bare = _LITERAL.sub(_marker, sql[: 4 * TEXT_LIMIT])
    return " ".join(_ROWS.sub(r"\1", _LIST.sub("(...)", bare)).split())[:TEXT_LIMIT]


def _marker(match: re.Match[str]) -> str:
    return " " if match[0][:2] in ("--", "/*") else "?"


def fingerprint(statement: str) -> str:
    """Return a short name for a normalised statement, the same for the same statement everywhere."""
    return hashlib.sha256(statement.lower().encode()).hexdigest()[:16]


def hidden(text: str) -> str:
    """Return a server's whole message without the values in its statement and without what it tells of rows."""
    told = _TOLD.search(text)
    head, rest = (text[: told.start()], text[told.start() :]) if told else (text, "")
    if found := _STATEMENT.search(head):
        head = redact.text(head[: found.end()]) + normal(head[found.end() :])
    else:
        head = redact.text(re.sub(r"'[^']*'", "'?'", head))
    if rest:
        rest = redact.text(re.sub(r"\$\d+ = (?:'(?:[^']|'')*'?|NULL)|=\([^)]*\)?|'(?:[^']|'')*'?", "?", rest))
    return f"{head} {rest}".strip()


def stray(found: Part) -> str:
    """Return what is kept of a part whose beginning is not there: nobody can tell its values from its words."""
    return f"[{found.database}] [{found.sequence}-{found.number}] {redact.HIDDEN}"
