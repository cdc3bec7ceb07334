"""How is an Assessment kept in ``assessment.json``? One value a line, read back strictly; the same assessment gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import typing
from pathlib import Path

from ..errors import UsageError
from ..kit import records
from .model import SCHEMA, Assessment

FILENAME = "assessment.json"
_HINT = "Run `offramp assess` to make it anew."


def dump(assessment: Assessment) -> str:
    """Return the file's text."""
    text = json.dumps({"schema": SCHEMA, **content(assessment)}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # A route's name may hold half a surrogate pair, which no file can.
    return text.encode("utf-8", "replace").decode("utf-8")


def content(assessment: Assessment) -> dict[str, object]:
    """Return what the file holds, as objects, lists, texts and numbers."""
    return typing.cast("dict[str, object]", records.plain(assessment))


def read(path: Path) -> Assessment:
    """Read an assessment. Raises FileNotFoundError, or UsageError when it is not what ``dump`` writes."""
    try:
        return parse(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is not UTF-8.", hint=_HINT) from error


def parse(text: str) -> Assessment:
    """Parse an assessment's text. Raises UsageError that names what is wrong where."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{FILENAME}, line {error.lineno}: this is not JSON: {error.msg}.", hint=_HINT) from error
    if not isinstance(found, dict):
        raise UsageError(f"{FILENAME} is not a JSON object.", hint=_HINT)
    if (schema := found.pop("schema", None)) != SCHEMA:
        raise UsageError(f"{FILENAME} has the schema {schema!r}, and this offramp reads {SCHEMA!r}.", hint=_HINT)
    try:
        return typing.cast(Assessment, records.build(Assessment, found, FILENAME))
    except records.MalformedRecordError as error:
        raise UsageError(str(error), hint=_HINT) from error


def fingerprint(estate_file: bytes) -> str:
    """Return by which name an assessment remembers the estate file that it was made of.

    Discover writes that file anew only when something other than row counts has changed, so its bytes are what to compare.
    """
    return hashlib.sha256(estate_file).hexdigest()[:16]
