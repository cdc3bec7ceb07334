"""Does a rendered file say what it said when somebody last read it? ``OFFRAMP_WRITE_GOLDEN=1`` writes the files anew."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).with_name("golden")


def same_as_golden(name: str, text: str) -> bool:
    """Compare with the file; read the difference in version control after writing it anew."""
    path = FOLDER / name
    if os.environ.get("OFFRAMP_WRITE_GOLDEN"):
        path.write_text(text)
    return path.read_text() == text
