"""Is a drain's body cut into its messages exactly, and is nothing dropped when its lengths are not true?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telemetry_lines import L10, framed, message

from offramp.telemetry import framing

ONE, TWO = message("one"), message("two")


def test_a_length_counts_bytes_not_characters() -> None:
    told = message("Grüße aus Köln")

    assert (told.encode(), TWO.encode()) == framing.split(framed(told, TWO)).messages


def test_l10_has_no_newline_and_the_next_length_stands_on_its_line() -> None:
    body = b"%d %s" % (len(L10), L10.encode()) + framed(ONE)

    found = framing.split(body)

    assert (L10.encode(), ONE.encode()) == found.messages
    assert (found.miscounted, found.cut, found.unframed) == (0, 0, 0)


def test_a_newline_within_a_message_does_not_end_it() -> None:
    inner = message("first\nsecond")

    assert (inner.encode(), TWO.encode()) == framing.split(framed(inner, TWO)).messages


def test_a_message_that_looks_like_a_frame_is_not_cut_when_its_length_is_true() -> None:
    inner = message("12 <134>1 2026 nothing")

    assert (inner.encode(), TWO.encode()) == framing.split(framed(inner, TWO)).messages


@pytest.mark.parametrize("wrong", [-9, -1, 1, 7, 40])
def test_after_a_wrong_length_the_next_header_is_found_again(wrong: int) -> None:
    first = ONE.encode() + b"\n"
    body = b"%d %s" % (len(first) + wrong, first) + framed(TWO, ONE)

    found = framing.split(body)

    assert (ONE.encode(), TWO.encode(), ONE.encode()) == tuple(each.rstrip(b"\n") for each in found.messages)
    assert found.miscounted == 1


def test_a_body_cut_short_keeps_the_beginning_of_its_last_message() -> None:
    found = framing.split(framed(ONE, TWO)[:-8])

    assert ONE.encode() == found.messages[0]
    assert TWO.encode().startswith(found.messages[1])
    assert found.cut == 1


@given(
    st.lists(
        st.binary(max_size=80).map(lambda text: b"<190>1 2026-10-05T10:00:00+00:00 host app web.1 - " + text),
        max_size=6,
    )
)
def test_every_well_framed_body_comes_apart_as_it_was_put_together(messages: list[bytes]) -> None:
    assert tuple(messages) == framing.split(framed(*messages)).messages


@given(st.binary(max_size=300))
def test_no_byte_that_is_not_framing_is_dropped(noise: bytes) -> None:
    """Whatever comes, every byte but lengths and newlines is in a message."""
    found = framing.split(noise)

    kept = sum(len(each.strip(b"\n")) for each in found.messages)
    lengths = sum(len(digits) + 1 for digits in framing.HEADER.findall(noise))
    assert kept + lengths >= len(noise) - noise.count(b"\n")
