"""Of which pieces are the page's sections made? Tables that become cards on a phone, folds, code to copy, pairs of words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .markup import NOTHING, Child, Markup, tag


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading; ``number`` ones stand right, ``chart`` ones take the room that is left."""

    label: str
    number: bool = False
    chart: bool = False
    drawn: Markup = NOTHING
    """What stands in the heading below its words."""

    @property
    def style(self) -> str | None:
        return "number" if self.number else "chart" if self.chart else None


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells, the first of which names it; ``style`` is ``total`` or ``chosen``."""

    cells: tuple[Child, ...]
    style: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter of the page: where the contents lead to, what it is called, and what it holds."""

    anchor: str
    title: str
    content: Markup
    inner: tuple[tuple[str, str], ...] = field(default=())
    """Anchors and titles of what the contents list under it."""


def table(caption: str, columns: Sequence[Column], rows: Iterable[Row], *, hidden_caption: bool = False) -> Markup:
    """Return a table; on a narrow screen each row becomes a card whose cells say their own column."""
    head = tag("tr", [tag("th", column.label, column.drawn, scope="col", class_=column.style) for column in columns])
    return tag(
        "table",
        tag("caption", caption, class_="unseen" if hidden_caption else None),
        tag("thead", head),
        tag("tbody", [_row(columns, row) for row in rows]),
        class_="cards",
    )


def _row(columns: Sequence[Column], row: Row) -> Markup:
    first, *rest = row.cells
    cells = [
        tag("td", tag("div", cell), class_=column.style, data_label=column.label)
        for column, cell in zip(columns[1:], rest, strict=True)
    ]
    return tag("tr", tag("th", first, scope="row"), cells, class_=row.style or None)


def fold(summary: str, *content: Child, kept: bool = False) -> Markup:
    """Return what is folded away until somebody asks; ``kept`` is printed all the same."""
    return tag("details", tag("summary", summary), *content, class_="keep" if kept else None)


def code(text: str) -> Markup:
    """Return code that one click selects as a whole."""
    return tag("pre", tag("code", text), tabindex="0")


def paragraph(*content: Child, style: str | None = None) -> Markup:
    return tag("p", *content, class_=style)


def bullets(lines: Iterable[Child]) -> Markup:
    found = [tag("li", line) for line in lines]
    return tag("ul", found, class_="plain") if found else NOTHING


def pairs(rows: Iterable[tuple[str, Child]]) -> Markup:
    """Return words with their explanations; what explains nothing is left out."""
    found = [(tag("dt", word), tag("dd", said)) for word, said in rows if said]
    return tag("dl", found, class_="pairs") if found else NOTHING


def badge(word: str, tone: str = "") -> Markup:
    return tag("span", word, class_=f"tag {tone}".strip())


def figure(chart: Markup, *below: Child, caption: Child = None) -> Markup:
    return tag("figure", chart, *below, tag("figcaption", caption) if caption else None)


def heading(level: int, title: Child, anchor: str | None = None) -> Markup:
    return tag(f"h{level}", title, id=anchor)


def anchor_of(kind: str, name: str) -> str:
    """Return an id that no name can break.

    >>> anchor_of("app", "Mentors API <x>")
    'app-mentors-api--x-'
    """
    return f"{kind}-" + "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())
