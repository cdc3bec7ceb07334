"""Does a look go on from the answers of the one before, and only from those that may still be true?"""

from __future__ import annotations

from pathlib import Path

import pytest

from offramp.discover.partial import AGE_SECONDS, Partial
from offramp.discover.together import each
from offramp.heroku.model import Domain


class At:
    """A clock that stands."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


WWW = (Domain("www.shop.example", "custom", None), Domain("shop.herokuapp.com", "heroku", None))


def never() -> tuple[Domain, ...]:
    raise AssertionError("it is known already")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = Partial(tmp_path / "part", "https://api.example", At(1000.0))
    assert made.all("domains/shop", Domain, lambda: WWW) == WWW
    assert made.all("buildpacks/shop", str, lambda: ("heroku/python",)) == ("heroku/python",)
    return tmp_path / "part"


def test_what_was_answered_is_not_asked_again(path: Path) -> None:
    again = Partial(path, "https://api.example", At(1000.0 + AGE_SECONDS))

    assert again.all("domains/shop", Domain, never) == WWW


@pytest.mark.parametrize(
    ("place", "at"), [("https://other.example", 1000.0), ("https://api.example", 1000.5 + AGE_SECONDS)]
)
def test_another_heroku_and_old_answers_are_asked_again(path: Path, place: str, at: float) -> None:
    assert Partial(path, place, At(at)).all("domains/shop", Domain, lambda: ()) == ()


def test_half_a_line_and_another_versions_answer_cost_only_themselves(path: Path) -> None:
    text = path.read_text()
    path.write_text(text.replace('"hostname"', '"host_name"') + text[: len(text) // 4])
    again = Partial(path, "https://api.example", At(1000.0))

    assert again.all("domains/shop", Domain, lambda: WWW[:1]) == WWW[:1]
    assert again.all("buildpacks/shop", str, lambda: ()) == ("heroku/python",)


def test_a_finished_look_leaves_nothing(path: Path) -> None:
    Partial(path, "https://api.example", At(1000.0)).done()

    assert not path.exists()


def test_a_directory_that_cannot_be_written_costs_no_look(tmp_path: Path) -> None:
    partial = Partial(tmp_path / "absent" / "part", "https://api.example", At(0.0))

    assert partial.one("domain", Domain, lambda: WWW[0]) == WWW[0]


def test_things_come_back_in_their_order_and_the_first_error_ends_it() -> None:
    told: list[tuple[str, float | None]] = []

    assert each(range(5), str, threads=3, tell=lambda text, share: told.append((text, share)), what="read") == tuple(
        "01234"
    )
    assert told[-1] == ("read: 5 of 5", 1.0)
    with pytest.raises(ZeroDivisionError):
        each([1, 0, 1], lambda number: 1 // number, threads=2)
