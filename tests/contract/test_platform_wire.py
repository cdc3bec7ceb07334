"""Is the log wire format the documented one, byte for byte, in its odd corners too?"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import aiohttp

from offramp.rehearsal.platform.logplex import drain, wire
from offramp.rehearsal.platform.router import lines, messages

AT = datetime(2026, 9, 14, 9, 12, 52, tzinfo=UTC)


def _message(number: int, text: str = "hello") -> wire.Message:
    return wire.Message(number, "2026-09-14T09:12:52.000200+00:00", 190, "app", "web.1", text.encode())


def test_the_length_counts_bytes_not_characters() -> None:
    assert wire.frame(_message(1, "Commande expédiée à Besançon")).startswith(b"90 <190>1 ")


def test_l10_has_no_newline_so_the_next_length_stands_on_its_line() -> None:
    since = datetime(2026, 9, 14, 9, 10, 2, tzinfo=UTC)
    body = wire.body([wire.overflow(1310, since, AT), _message(1)])

    assert body == (
        b"145 <172>1 2026-09-14T09:12:52+00:00 host heroku logplex - Error L10 (output buffer overflow): "
        b"1310 messages dropped since 2026-09-14T09:10:02+00:00."
        b"63 <190>1 2026-09-14T09:12:52.000200+00:00 host app web.1 - hello\n"
    )


def test_an_overlong_line_is_cut_without_a_mark() -> None:
    assert [len(piece) for piece in wire.pieces(b"x" * 25_000)] == [10_000, 10_000, 5_000]


def test_a_full_buffer_loses_its_oldest_and_says_so_first() -> None:
    async def fill() -> list[wire.Message]:
        async with aiohttp.ClientSession() as http:
            delivery = drain.DrainDelivery("d.x", "http://127.0.0.1:9/", http, lambda: AT)
            for number in range(drain.BUFFER_MESSAGES + 7):
                delivery.offer(_message(number))
            return delivery._batch()

    batch = asyncio.run(fill())

    assert b"Error L10 (output buffer overflow): 7 messages dropped" in batch[0].text
    assert batch[1].number == 7


def test_a_batch_aims_at_100_kilobytes() -> None:
    async def fill() -> list[wire.Message]:
        async with aiohttp.ClientSession() as http:
            delivery = drain.DrainDelivery("d.x", "http://127.0.0.1:9/", http, lambda: AT)
            for number in range(50):
                delivery.offer(_message(number, "x" * 9_000))
            return delivery._batch()

    assert len(asyncio.run(fill())) == 12


def test_a_failure_is_written_as_heroku_writes_it() -> None:
    line = lines.Line("GET", "/", "a.example", "id", "203.0.113.17", failure=lines.CLIENT_GONE, status=499)

    assert line.render() == (
        'sock=client at=warning code=H27 desc="Client Request Interrupted" method=GET path="/" host=a.example '
        'request_id=id fwd="203.0.113.17" dyno= connect= service= status=499 bytes=0 '
        "protocol=http1.1 tls=false tls_version=unknown"
    )


def test_a_smuggled_length_is_malformed() -> None:
    for head in (
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"POST /\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
    ):
        try:
            messages.parse_request(head)
        except messages.MalformedError:
            continue
        raise AssertionError(f"{head!r} was taken for a request")
