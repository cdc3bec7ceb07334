"""When does a switch begin that was given a moment or quiet hours?"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import click
import pytest

from offramp.cli import hours
from offramp.cli.hours import Hours, Moment, Window

NIGHT = Hours(time(23), time(4, 30))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_quiet_hours_may_pass_midnight() -> None:
    assert hours.begins(NOON, None, NIGHT) == datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert hours.begins(NOON.replace(hour=23, minute=59), None, NIGHT) == NOON.replace(hour=23, minute=59)
    assert hours.begins(NOON.replace(hour=4, minute=29), None, NIGHT) == NOON.replace(hour=4, minute=29)
    assert hours.begins(NOON.replace(hour=4, minute=30), None, NIGHT) == NOON.replace(hour=23)


def test_without_a_word_it_begins_now_and_with_a_moment_then() -> None:
    assert hours.begins(NOON, None, None) == NOON
    assert hours.begins(NOON, NOON + timedelta(hours=2), None) == NOON + timedelta(hours=2)
    assert hours.begins(NOON, NOON.replace(hour=23), NIGHT) == NOON.replace(hour=23)


def test_a_moment_outside_of_the_quiet_hours_is_refused() -> None:
    with pytest.raises(click.UsageError, match="--at 13:00 is outside of --window 23:00-04:30"):
        hours.begins(NOON, NOON.replace(hour=13), NIGHT)


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("soon", "is no time; say 02:30"),
        ("24:00", "is no time"),
        ("2030-01-01T02:30", "does not say which zone"),
        ("2020-01-01T02:30Z", "has passed"),
    ],
)
def test_a_moment_that_cannot_be_meant_is_refused_with_what_to_say(text: str, because: str) -> None:
    with pytest.raises(click.BadParameter, match=because):
        Moment().convert(text, None, None)


def test_a_moment_is_the_next_one_of_its_clock_or_just_that_one() -> None:
    clock = Moment().convert("02:30", None, None)
    assert (clock.hour, clock.minute, clock.tzinfo) == (2, 30, UTC)
    assert timedelta(0) <= clock - datetime.now(UTC) <= timedelta(days=1)
    assert Moment().convert("2099-01-01T02:30+01:00", None, None) == datetime(2099, 1, 1, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["02:00", "02:00-25:00", "night", "02:00-02:00", "-"])
def test_hours_that_cannot_be_meant_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Window().convert(text, None, None)
    assert Window().convert("23:00-4:30", None, None) == NIGHT


def test_waiting_says_until_when_and_ends_at_once_when_the_moment_has_come(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    hours.wait(said.append, None, None)
    assert said == []

    hours.wait(said.append, datetime.now(UTC) + timedelta(seconds=0.2), None)
    assert len(said) == 1
    assert said[0].startswith("Waiting until ")
