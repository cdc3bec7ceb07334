"""How do empty files look as large as the source's? Sparse, with just the pages that the planner opens written by hand.

The planner takes a relation's size from its file, a B-tree's height from its meta page, and, where it looks for a column's present
extremes, walks down the tree. So a B-tree is a meta page, an empty leaf, and one inner page per level that leads to it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from .model import BLOCK

SEGMENT_PAGES = 131_072
# Page header (bufpage.h): lsn, checksum, flags, lower, upper, special, size | layout version 4, prune xid.
_HEADER = struct.Struct("=QHHHHHHI")
# BTPageOpaqueData (nbtree.h): prev, next, level, flags, cycle.
_OPAQUE = struct.Struct("=IIIHH")
_LEAF, _ROOT = 1, 2
_SPECIAL = BLOCK - _OPAQUE.size
# A pivot without keys, smaller than everything: block, offset = number of keys 0, size | INDEX_ALT_TID_MASK.
_PIVOT = struct.Struct("=HHHH")
_META_ROOT = struct.Struct("=IIII")
_META_ROOT_AT = 24 + 8


def stretch(path: Path, pages: int) -> None:
    """Give a relation's file (and its further segments) this many pages; what is added has no content and takes no disk."""
    for number in range(max(1, -(-pages // SEGMENT_PAGES))):
        segment = path if number == 0 else path.with_name(f"{path.name}.{number}")
        length = min(SEGMENT_PAGES, pages - number * SEGMENT_PAGES) * BLOCK
        with segment.open("ab") as file:
            file.truncate(length)
        if number:
            _like(segment, path)
    number = max(1, -(-pages // SEGMENT_PAGES))
    while (beyond := path.with_name(f"{path.name}.{number}")).exists():
        beyond.unlink()
        number += 1


def present(path: Path) -> int:
    """Return how many pages a relation's first file has."""
    return path.stat().st_size // BLOCK


def _like(segment: Path, first: Path) -> None:
    owner = first.stat()
    os.chown(segment, owner.st_uid, owner.st_gid)
    segment.chmod(owner.st_mode & 0o777)


def write_btree(path: Path, pages: int, height: int) -> None:
    """Make the file of a B-tree that was just built on an empty table one of this many pages and levels."""
    height = min(height, max(0, pages - 2))
    stretch(path, pages)
    if pages < 2:
        return
    root = height + 1
    with path.open("r+b") as file:
        file.seek(_META_ROOT_AT)
        file.write(_META_ROOT.pack(root, height, root, height))
        for block, page in enumerate(_path(height), 1):
            file.seek(block * BLOCK)
            file.write(page)


def _path(height: int) -> Iterator[bytes]:
    """The leaf at block 1 and above it one page per level, each with a single pointer to the one below."""
    for level in range(height + 1):
        flags = (_LEAF if level == 0 else 0) | (_ROOT if level == height else 0)
        items = b"" if level == 0 else _PIVOT.pack(level >> 16, level & 0xFFFF, 0, 8 | 0x2000)
        upper = _SPECIAL - len(items)
        # A line pointer: offset, "normal", length (itemid.h).
        pointers = b"" if level == 0 else struct.pack("=I", upper | 1 << 15 | 8 << 17)
        lower = _HEADER.size + len(pointers)
        head = _HEADER.pack(0, 0, 0, lower, upper, _SPECIAL, BLOCK | 4, 0)
        yield (head + pointers).ljust(upper, b"\0") + items + _OPAQUE.pack(0, 0, level, flags, 0)
