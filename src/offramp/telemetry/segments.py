"""How is a drain's request kept so that nothing acknowledged is lost? Appended to a segment, read back up to where a crash cut it.

A segment is a run of records. A record is its head (mark, time, three lengths, checksum), then token, frame id and body as they came.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = struct.Struct(">4sQHHII")
_MARK = b"OFL1"
SUFFIX = ".seg"


@dataclass(frozen=True, slots=True)
class Record:
    """One request as it came. ``end`` is where the next record begins in the segment."""

    token: str
    frame: str
    received_us: int
    body: bytes
    end: int = 0


def encode(record: Record) -> bytes:
    """Return a record's bytes. Raises ValueError when a part is longer than its length can say."""
    token, frame = record.token.encode(), record.frame.encode()
    if len(token) > 0xFFFF or len(frame) > 0xFFFF or len(record.body) > 0xFFFFFFFF:
        raise ValueError("a drain's request is too long to keep")
    check = zlib.crc32(record.body, zlib.crc32(frame, zlib.crc32(token)))
    return b"".join(
        (
            _HEAD.pack(_MARK, record.received_us, len(token), len(frame), len(record.body), check),
            token,
            frame,
            record.body,
        )
    )


def records(path: Path, offset: int = 0) -> Iterator[Record]:
    """Yield the whole records of a segment from ``offset`` on; what a crash cut short is not one. Raises FileNotFoundError."""
    with path.open("rb") as file:
        file.seek(offset)
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            mark, received_us, token_size, frame_size, body_size, check = _HEAD.unpack(head)
            if mark != _MARK:
                return
            rest = file.read(token_size + frame_size + body_size)
            if len(rest) != token_size + frame_size + body_size or zlib.crc32(rest) != check:
                return
            offset += _HEAD.size + len(rest)
            token, frame = rest[:token_size].decode(), rest[token_size : token_size + frame_size].decode()
            yield Record(token, frame, received_us, rest[token_size + frame_size :], offset)


def listed(folder: Path) -> list[Path]:
    """Return the segments of a store, oldest first."""
    return sorted((folder / "wal").glob(f"*{SUFFIX}"))
