"""Where does one message of a drain's body end and the next begin? By octet count, exactly; by the next header where a count is wrong.

The form is heroku/logplex doc/README.http_drains.md: a run of ``LENGTH SP MESSAGE``, the length in bytes (RFC 6587). Logplex ends each message
with a newline but for L10, whose frame is followed by the next length at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEADER = re.compile(rb"(\d{1,6}) <\d{1,3}>1 ")
LENGTH_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Frames:
    """The messages of a body in their order, without their newline, and what was wrong with the framing."""

    messages: tuple[bytes, ...]
    miscounted: int = 0
    """Frames whose length was not true; their messages were cut at the next header instead."""
    cut: int = 0
    """Frames that reach beyond the body's end; what there is of them is the last message."""
    unframed: int = 0
    """Runs of bytes without a length, kept as messages of their own."""


def split(body: bytes) -> Frames:
    r"""Cut a body into its messages; every byte that is not framing ends up in one of them.

    >>> split(b"8 <1>1 a\n\n9 <1>1 b cd").messages
    (b'<1>1 a\n', b'<1>1 b cd')
    """
    found: list[bytes] = []
    take, find = found.append, body.find
    start, size = 0, len(body)
    while start < size:
        space = find(b" ", start, start + LENGTH_DIGITS + 1)
        length = body[start:space]
        # isdigit on bytes is ASCII only, and refuses the empty text.
        if space < 0 or not length.isdigit() or body[space + 1 : space + 2] != b"<":
            return _resynced(body)
        end = space + 1 + int(length)
        message = body[space + 1 : end]
        take(message[:-1] if message.endswith(b"\n") else message)
        start = end
    return _resynced(body) if start > size else Frames(tuple(found))


def _resynced(body: bytes) -> Frames:
    """Read a body of which at least one frame is not as it should be, trusting each length only if what follows it fits."""
    found: list[bytes] = []
    miscounted = cut = unframed = 0
    start, size = 0, len(body)
    while start < size:
        header = HEADER.match(body, start)
        if header is None:
            following = HEADER.search(body, start)
            end = following.start() if following else size
            if stray := body[start:end].strip(b"\n"):
                found.append(stray)
                unframed += 1
            start = end
            continue
        first = header.end(1) + 1
        end = first + int(header[1])
        if not _fits(body, end):
            following = HEADER.search(body, first)
            if following is None and end > size:
                cut += 1
            else:
                miscounted += 1
            end = following.start() if following else size
        found.append(body[first:end].removesuffix(b"\n"))
        start = end
    return Frames(tuple(found), miscounted, cut, unframed)


def _fits(body: bytes, end: int) -> bool:
    if end >= len(body):
        return end == len(body)
    # A damaged successor must not condemn this frame: its own newline speaks for it as well. A length that is one too much takes
    # the first figure of the next length with it, which leaves something that looks like a length.
    before = body[end - 1 : end]
    return before == b"\n" or (HEADER.match(body, end) is not None and not before.isdigit())
