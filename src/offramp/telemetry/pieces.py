"""How is a saved log of any size read a piece at a time, each of whole lines? Packed or not, without holding the file in memory."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ..errors import UsageError
from .forms import Form, Piece, app_of, told

# About 65,000 lines, a row group: a worker stays below 300 MB with their rows.
PIECE_BYTES = 20 * 1024 * 1024
BEGINNING_BYTES = 1024 * 1024
SAMPLE_BYTES = 256 * 1024
# zlib's way to say: with gzip's head and tail.
GZIP = 31
_HEADER = re.compile(rb"(?<=\n)\d{1,6} <\d{1,3}>1 ")
_REQUEST = re.compile(rb"(?:POST|PUT) [^\r\n]{0,8000}\r?\n((?:[^\r\n]{1,8000}\r?\n){0,100})\r?\n")
_FIELD = re.compile(rb"(?im)^(content-length|logplex-drain-token|logplex-frame-id): *([^\r\n]*)")


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved log: where it is, its form, and whose it is when its lines do not say. ``mark`` names its bytes, wherever they lie."""

    path: Path
    form: Form
    app: str
    year: int
    mark: str


def look(path: Path, app: str | None) -> Saved:
    """Look at a file's beginning. Raises UsageError when it cannot be read or is no log that we know."""
    try:
        with _opened(path) as file:
            beginning = file.read(BEGINNING_BYTES)
        mark, year = _mark(path, app), datetime.fromtimestamp(path.stat().st_mtime, UTC).year
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error}.", hint="Name a log file, packed with gzip or not."
        ) from error
    form = told(beginning)
    if form is None:
        raise UsageError(
            f"{path} is no log in a form that offramp knows.",
            hint="Known are the output of `heroku logs`, Papertrail's archives and output, and bodies of Logplex drains.",
        )
    names_itself = form in (Form.PAPERTRAIL, Form.PAPERTRAIL_TSV, Form.REQUESTS)
    owner = app or ("" if names_itself else app_of(beginning) or _stem(path))
    return Saved(path, form, owner, year, mark)


def read(saved: Saved, reached: int, piece_bytes: int = PIECE_BYTES) -> Iterator[tuple[tuple[Piece, ...], int, bool]]:
    """Yield pieces from ``reached`` on, each with where it ends and whether the file was cut short there (a packed one that is torn)."""
    with _opened(saved.path) as file:
        file.skip(reached)
        kept, ended = b"", False
        while not ended:
            block = file.read(max(piece_bytes - len(kept), 1))
            ended = not block or file.torn
            content = kept + block
            end = len(content) if ended else _last_end(saved.form, content)
            if not end and len(content) >= piece_bytes:
                # One line longer than a piece: take it as it is rather than ever more memory.
                end = len(content)
            kept = content[end:]
            reached += end
            if end or file.torn:
                yield _cut(saved, content[:end]), reached, file.torn


class _Source:
    """A file's bytes, unpacked if it is packed. ``torn`` says that a packed one was cut short or damaged; what came before is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.torn = False
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        self._unpack = zlib.decompressobj(GZIP) if packed else None
        self._packed = b""

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the end only."""
        if self._unpack is None:
            return self._file.read(size)
        found: list[bytes] = []
        while size > 0 and (part := self._member(size)):
            found.append(part)
            size -= len(part)
        return b"".join(found)

    def skip(self, size: int) -> None:
        """Go on from ``size`` bytes after the beginning."""
        if self._unpack is None:
            self._file.seek(size)
            return
        while size > 0 and (part := self.read(min(size, 1 << 20))):
            size -= len(part)

    def _member(self, size: int) -> bytes:
        while self._unpack is not None and not self.torn:
            if not self._packed and not (more := self._file.read(1 << 18)):
                self.torn = not self._unpack.eof
                return b""
            elif not self._packed:
                self._packed = more
            if self._unpack.eof:
                # Papertrail's archives of a day and rotated logs are often several packed files in one.
                self._unpack = zlib.decompressobj(GZIP)
            try:
                part = self._unpack.decompress(self._packed, size)
            except zlib.error:
                self.torn = True
                return b""
            self._packed = self._unpack.unused_data if self._unpack.eof else self._unpack.unconsumed_tail
            if part:
                return part
        return b""


@contextmanager
def _opened(path: Path) -> Iterator[_Source]:
    with path.open("rb") as file:
        yield _Source(file)


def _mark(path: Path, app: str | None) -> str:
    """Return a name of the file's bytes: its size and its first, middle and last of them. Logs do not differ in between only."""
    size = path.stat().st_size
    digest = hashlib.sha256(f"{app or ''}\n{size}\n".encode())
    with path.open("rb") as file:
        for place in (0, max(size // 2 - SAMPLE_BYTES // 2, 0), max(size - SAMPLE_BYTES, 0)):
            file.seek(place)
            digest.update(file.read(SAMPLE_BYTES))
    return f"import:{digest.hexdigest()}"


def _stem(path: Path) -> str:
    return path.name.split(".")[0] or path.name


def _last_end(form: Form, content: bytes) -> int:
    """Return where the last whole line, message or request of ``content`` ends; 0 when there is none."""
    if form is Form.LOGPLEX:
        return _last_frame(content)
    if form is Form.REQUESTS:
        return sum(len(head) + len(body) for head, _, _, body in _requests(content, whole=True))
    return content.rfind(b"\n") + 1


def _last_frame(content: bytes) -> int:
    start = end = 0
    find, size = content.find, len(content)
    while end <= size:
        start = end
        space = find(b" ", start, start + 7)
        length = content[start:space]
        if space < 0 or not length.isdigit():
            break
        end = space + 1 + int(length)
    if size - start < 32 * 1024:
        return start
    # A damaged frame in the middle: go on from it at the last header.
    last = 0
    for last_header in _HEADER.finditer(content, max(size - 64 * 1024, 0)):
        last = last_header.start()
    return last


def _cut(saved: Saved, content: bytes) -> tuple[Piece, ...]:
    if saved.form is not Form.REQUESTS:
        return (Piece(saved.form, saved.app, content, saved.year, _stem(saved.path)),)
    seen: set[bytes] = set()
    found = []
    for _, token, frame, body in _requests(content, whole=False):
        if not frame or frame not in seen:
            found.append(Piece(Form.REQUESTS, saved.app or token.decode(errors="replace") or _stem(saved.path), body))
        seen.add(frame)
    return tuple(found)


def _requests(content: bytes, *, whole: bool) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """Yield head, token, frame id and body of each request; with ``whole`` only those that are all there."""
    place = 0
    while place < len(content):
        match = _REQUEST.match(content, place)
        if match is None:
            if whole:
                return
            following = _REQUEST.search(content, place)
            end = following.start() if following else len(content)
            yield b"", b"", b"", content[place:end]
            place = end
            continue
        fields = {name.lower(): value.strip() for name, value in _FIELD.findall(match[1])}
        size = fields.get(b"content-length", b"")
        following = None if size.isdigit() else _REQUEST.search(content, match.end())
        end = match.end() + int(size) if size.isdigit() else following.start() if following else len(content)
        if whole and (end > len(content) or (not size.isdigit() and following is None)):
            return
        body = content[match.end() : end]
        yield match[0], fields.get(b"logplex-drain-token", b""), fields.get(b"logplex-frame-id", b""), body
        place = max(end, match.end())
        # A newline between requests belongs to whoever saved them.
        while content[place : place + 1] in (b"\r", b"\n"):
            place += 1
