"""What is the unified diff between a file as it is and as it should be?"""

from __future__ import annotations

import difflib

from .model import Patch
from .readings import SourceFile

_NO_NEWLINE = "\\ No newline at end of file\n"


def patch(file: SourceFile, text: str) -> Patch:
    """Return the change of one file, against the root of its app's repository."""
    return Patch(file.app, unified(file.path, file.text, text))


def new_file(app: str, path: str, text: str) -> Patch:
    return Patch(app, unified(path, None, text))


def unified(path: str, old: str | None, new: str) -> str:
    """Return a diff that ``git apply`` takes; ``old`` is None for a file that is not there yet.

    >>> print(unified("a.txt", "one\\n", "one\\ntwo\\n"), end="")
    --- a/a.txt
    +++ b/a.txt
    @@ -1 +1,2 @@
     one
    +two
    """
    lines = difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        new.splitlines(keepends=True),
        "/dev/null" if old is None else f"a/{path}",
        f"b/{path}",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}" for line in lines)
