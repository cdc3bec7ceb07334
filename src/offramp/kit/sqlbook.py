"""Where does the SQL live, and how is it found?

A book is a ``.sql`` file beside the code that uses it. Each statement is a block under ``-- name: its_name``; comment lines
under the name say why it exists and travel with it.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import LiteralString, cast

_HEADING = re.compile(r"^-- name: ([a-z0-9_]+)\n", re.MULTILINE)


def parse(text: str) -> dict[str, LiteralString]:
    r"""Split a book at its headings.

    >>> parse("-- name: one\nselect 1;\n-- name: two\nselect 2;\n")
    {'one': 'select 1;', 'two': 'select 2;'}
    """
    _, *parts = _HEADING.split(text)
    names, bodies = parts[0::2], parts[1::2]
    # The file ships inside the package, so its text is as trusted as our code.
    return {name: cast(LiteralString, body.strip()) for name, body in zip(names, bodies, strict=True)}


def load(package: str, filename: str) -> dict[str, LiteralString]:
    """Read the book ``filename`` (say ``"sql/capture.sql"``) of ``package``.

    Raises FileNotFoundError when the file did not ship.
    """
    return parse(resources.files(package).joinpath(filename).read_text("utf-8"))
