"""How do lines in any form become rows? Each is typed, redacted and put with its like; what cannot be read is kept and counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from . import framing, kinds, metrics, redact, router, statements
from .model import Kind

# time, head, code, method, path, host, request id, fwd, dyno, connect, service, status, bytes, tail
RouterRow = tuple[str, ...]
# app, time, kind, source, process, request id, text
LineRow = tuple[str, str, str, str, str, str, str]
# app, time, kind, source, name, value
SampleRow = tuple[str, str, str, str, str, float]

# A router knows a request id of at most 200 characters and a request line of 8 KiB; Logplex cuts a message at 10,000 bytes.
TEXT_LIMIT = 10_000
NEWLINE = ord("\n")
UTC_MARK = "+00:00"


@dataclass
class Gathering:
    """Rows of one batch of lines. ``redacting`` false keeps lines as they came."""

    redacting: bool = True
    router: dict[str, list[RouterRow]] = field(default_factory=lambda: defaultdict(list))
    """By app, as they were written: what is redacted of them is so when they become columns."""
    lines: list[LineRow] = field(default_factory=list)
    samples: list[SampleRow] = field(default_factory=list)
    tallies: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By app: ``wire`` bytes, ``lost`` messages, and each defect under its name."""
    _open: dict[tuple[str, str, str, int], int] = field(default_factory=dict)

    def body(self, app: str, body: bytes) -> None:
        """Take the messages of a drain's request."""
        self.tallies[app, "wire"] += len(body)
        before = len(self.router[app]), len(self.lines), len(self.samples), self.tallies.copy()
        if self._well_framed(app, body):
            return
        # A frame is not as it should be, so what was read after it cannot be trusted: once more, with care.
        routed, lines, samples, self.tallies = before
        del self.router[app][routed:], self.lines[lines:], self.samples[samples:]
        self._open.clear()
        frames = framing.split(body)
        for name, count in (("miscounted", frames.miscounted), ("cut", frames.cut), ("unframed", frames.unframed)):
            if count:
                self.tallies[app, name] += count
        for message in frames.messages:
            self.message(app, message)

    def _well_framed(self, app: str, body: bytes) -> bool:
        """Read a body in one go, taking router lines straight from it; false when a frame's length is not true."""
        # Latin-1 keeps a character for a byte, so places stay true whatever the bytes are.
        text, plain = body.decode("latin-1"), body.isascii()
        pattern = router.IN_DRAIN_SHORT if self.redacting else router.IN_DRAIN
        find, match, take = text.find, pattern.fullmatch, self.router[app].append
        start, size = 0, len(text)
        while start < size:
            space = find(" ", start, start + framing.LENGTH_DIGITS + 1)
            try:
                end = space + 1 + int(text[start:space])
            except ValueError:
                return False
            if not space < end <= size:
                return False
            found = match(text, space + 1, end - 1)
            if found and body[end - 1] == NEWLINE and (plain or text[start:end].isascii()):
                take(found.groups(""))
            elif text[start:space].isdigit() and text[start:space].isascii() and text[space + 1 : space + 2] == "<":
                self.message(app, body[space + 1 : end].removesuffix(b"\n"))
            else:
                return False
            start = end
        return True

    def message(self, app: str, message: bytes) -> None:
        """Take one message without its length: ``<PRI>1 TIME host SOURCE PROCESS - TEXT``."""
        try:
            whole = message.decode()
        except UnicodeDecodeError:
            self.tallies[app, "not-utf8"] += 1
            whole = message.decode(errors="replace")
        parts = whole.split(" ", 6)
        if len(parts) < 6 or parts[5] != "-" or whole[:1] != "<":
            self.malformed(app, "no-header", whole)
            return
        text = parts[6] if len(parts) == 7 else ""
        # Syslog drains name the token instead of the word host, and have one more dash.
        if parts[2] != "host" and text[:1] == "-":
            text = text[2:]
        self.line(app, parts[1], parts[3], parts[4], text)

    def line(self, app: str, time: str, source: str, process: str, text: str) -> None:
        """Take one line whose header was read."""
        if len(time) != 32 or not time.endswith(UTC_MARK):
            time = _utc(time)
        if source == "heroku" and process == "router":
            self._routed(app, time, text)
            return
        if "\0" in text or "\0" in source or "\0" in process:
            self.tallies[app, "binary"] += 1
            source, process, text = (part.replace("\0", "\ufffd") for part in (source, process, text))
        if len(text) > TEXT_LIMIT:
            self.tallies[app, "too-long"] += 1
            text = text[:TEXT_LIMIT]
        kind = kinds.of(source, process, text)
        if kind is Kind.POSTGRES_LOG and self._joined(app, process, text):
            return
        if figures := metrics.OF_KIND.get(kind):
            where = metrics.source(text)
            self.samples.extend((app, time, figures, where, name, value) for name, value in metrics.read(text))
        elif kind is Kind.LOGPLEX and (count := kinds.lost(text)):
            self.tallies[app, "lost"] += count
        request = kinds.request_id(text) if kind is Kind.APP else ""
        if self.redacting and kind is not Kind.POSTGRES_LOG:
            text = redact.text(text)
        self.lines.append((app, time, kind, source[:200], process[:200], request, text))

    def malformed(self, app: str, defect: str, text: str) -> None:
        """Keep what could not be read as a line, and count why."""
        self.tallies[app, defect] += 1
        text = text[:TEXT_LIMIT].replace("\0", "\ufffd")
        self.lines.append((app, "", Kind.MALFORMED, "", "", "", redact.text(text) if self.redacting else text))

    def finish(self) -> None:
        """Take the values out of server messages, now that their parts are together. Call it once, after the last line."""
        self._open.clear()
        if not self.redacting:
            return
        for place, row in enumerate(self.lines):
            if row[2] == Kind.POSTGRES_LOG:
                found = statements.part(row[6])
                kept = statements.hidden(row[6]) if not found or found.number == 1 else statements.stray(found)
                self.lines[place] = (*row[:6], kept)

    def _routed(self, app: str, time: str, text: str) -> None:
        found = router.read(text[:TEXT_LIMIT].replace("\0", "\ufffd"))
        if found is None:
            self.malformed(app, "router-unreadable", text)
            return
        fields, whole = found
        if not whole:
            self.tallies[app, "router-cut"] += 1
        self.router[app].append((time, *fields))

    def _joined(self, app: str, process: str, text: str) -> bool:
        """Whether the line was a later part of a message whose beginning is here, and went there."""
        found = statements.part(text)
        if found is None:
            return False
        key = app, process, found.database, found.sequence
        place = self._open.get(key)
        if found.number > 1 and place is not None:
            row = self.lines[place]
            self.lines[place] = (*row[:6], f"{row[6]} {found.text}"[:TEXT_LIMIT])
            self.tallies[app, "parts"] += 1
            return True
        self._open[key] = len(self.lines)
        return False


def _utc(time: str) -> str:
    """Return a time as the store's reader takes it; the empty text when it is no time.

    >>> _utc("2026-09-14T11:12:53.1+02:00")
    '2026-09-14T09:12:53.100000+00:00'
    """
    try:
        read = datetime.fromisoformat(time)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return ""
