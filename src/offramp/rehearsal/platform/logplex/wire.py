"""What does a log line look like on the wire to an HTTPS drain?

Octet-counted syslog lines without structured data: heroku/logplex README.http_drains and logplex_http_drain.erl.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

# Logplex cuts longer messages, with no mark at the cut.
MESSAGE_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Message:
    """One line of an app's log. ``number`` counts within the app; ``newline`` is False only for L10."""

    number: int
    at: str
    priority: int
    source: str
    process: str
    text: bytes
    newline: bool = True

    def syslog(self) -> bytes:
        head = f"<{self.priority}>1 {self.at} host {self.source} {self.process} - ".encode()
        return head + self.text + (b"\n" if self.newline else b"")

    def rendered(self) -> str:
        """The form that ``heroku logs`` shows."""
        return f"{self.at} {self.source}[{self.process}]: {self.text.decode('utf-8', 'replace')}"


def frame(message: Message) -> bytes:
    r"""Put the length in bytes, not characters, in front.

    >>> frame(Message(1, "2026-09-14T09:12:52.000200+00:00", 190, "app", "web.1", "hello".encode()))
    b'63 <190>1 2026-09-14T09:12:52.000200+00:00 host app web.1 - hello\n'
    """
    line = message.syslog()
    return b"%d %s" % (len(line), line)


def overflow(dropped: int, since: datetime, at: datetime) -> Message:
    """The L10 message, which alone carries no newline and whole seconds."""
    text = f"Error L10 (output buffer overflow): {dropped} messages dropped since {whole_second(since)}."
    return Message(0, whole_second(at), 172, "heroku", "logplex", text.encode(), newline=False)


def body(messages: Iterable[Message]) -> bytes:
    return b"".join(frame(message) for message in messages)


def pieces(text: bytes, most: int = MESSAGE_BYTES) -> Iterator[bytes]:
    """Cut an overlong line as Logplex does.

    >>> list(pieces(b"abcde", 2)), list(pieces(b""))
    ([b'ab', b'cd', b'e'], [b''])
    """
    yield text[:most]
    for start in range(most, len(text), most):
        yield text[start : start + most]


def microsecond(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def whole_second(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
