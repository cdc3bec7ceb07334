"""Lines of every kind in the forms in which Heroku writes them, for the tests of the logs; every value is invented."""

from __future__ import annotations

HOST = "kiosk-0a1b2c3d4e5f.herokuapp.com"


def message(
    text: str,
    *,
    source: str = "app",
    process: str = "web.1",
    at: str = "2026-10-05T10:00:00.000000+00:00",
    pri: int = 190,
) -> str:
    """A message of a drain without its length and its newline."""
    return f"<{pri}>1 {at} host {source} {process} - {text}"


def framed(*messages: str | bytes) -> bytes:
    """A drain's body of these messages, each with its newline."""
    found = b""
    for each in messages:
        whole = (each.encode() if isinstance(each, str) else each) + b"\n"
        found += b"%d %s" % (len(whole), whole)
    return found


def routed(
    number: int, *, path: str = "/", service: str = "20ms", status: str = "200", head: str = "at=info", dyno: str = "web.1",
    method: str = "GET", sent: str = "512", tail: str = " protocol=http1.1 tls=true tls_version=tls1.3",
) -> str:  # fmt: skip
    """A router line's text; its request id is told by ``number``."""
    return (
        f'{head} method={method} path="{path}" host={HOST} request_id={request_id(number)} fwd="203.0.113.77" dyno={dyno}'
        f" connect=1ms service={service} status={status} bytes={sent}{tail}"
    )


def request_id(number: int) -> str:
    return f"{number:08x}-aaaa-4bbb-8ccc-ddddeeeeffff"


def router(number: int, *, at: str = "2026-10-05T10:00:00.000000+00:00", text: str | None = None, **fields: str) -> str:
    """A router's whole message."""
    return message(text or routed(number, **fields), source="heroku", process="router", at=at, pri=134)


L10 = message(
    "Error L10 (output buffer overflow): 420 messages dropped since 2026-10-05T09:58:00+00:00.",
    source="heroku", process="logplex", at="2026-10-05T10:00:00+00:00", pri=172,
)  # fmt: skip
