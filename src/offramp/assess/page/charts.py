"""How is a figure drawn? Small SVGs of which every word is text, every colour a class, and no length needs a script.

Widths are in per cent and heights in pixels, without a viewBox: bars stretch with the column, letters and rules keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .markup import Child, Markup, join, tag


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a bar: ``value`` in any unit, ``tone`` a class of the style sheet, ``shown`` the figure as it is said."""

    label: str
    value: float
    shown: str
    tone: str


@dataclass(frozen=True, slots=True)
class Span:
    """A row of a range chart: from ``low`` to ``high`` with ``likely`` in between, drawn in ``tone``."""

    label: str
    low: float
    likely: float
    high: float
    shown: str
    tone: str = "accent"


@dataclass(frozen=True, slots=True)
class Point:
    """One moment of a course of time."""

    x: float
    y: float


def drawing(name: str, title: str, description: str, height: int, *shapes: Child) -> Markup:
    """Return an image that a screen reader can read out; ``name`` is unique on the page."""
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", description, id=f"{name}-desc"),
        *shapes,
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        height=height,
        width="100%",
        xmlns="http://www.w3.org/2000/svg",
    )


def stack(name: str, title: str, segments: Sequence[Segment], *, height: int = 26) -> Markup:
    """Return one bar whose segments fill it in their proportion; what is too narrow to be seen keeps a hair."""
    drawn = [segment for segment in segments if segment.value > 0]
    whole = sum(segment.value for segment in drawn)
    shapes: list[Markup] = []
    at = 0.0
    for segment in drawn:
        width = 100 * segment.value / whole
        shapes.append(
            tag(
                "rect",
                x=f"{at:.2f}%",
                y=0,
                # A gap of a tenth of a per cent keeps neighbours apart for those who see no colour.
                width=f"{max(width - 0.3, 0.15):.2f}%",
                height=height,
                class_=segment.tone,
            )
        )
        if width >= 9:
            shapes.append(
                tag(
                    "text",
                    segment.shown,
                    x=f"{at + width / 2:.2f}%",
                    y=height / 2 + 4,
                    text_anchor="middle",
                    class_=f"inside on-{segment.tone}",
                )
            )
        at += width
    if not drawn:
        shapes.append(tag("rect", x=0, y=0, width="100%", height=height, class_="faint"))
    told = ", ".join(f"{segment.label} {segment.shown}" for segment in drawn) or "nothing to show"
    return drawing(name, title, told, height, shapes)


def legend(segments: Sequence[Segment]) -> Markup:
    """Return the names and figures of a bar's segments, each with its colour."""
    return tag(
        "ul",
        [
            tag("li", swatch(segment.tone), tag("span", segment.label, " ", tag("b", segment.shown)))
            for segment in segments
            if segment.value > 0
        ],
        class_="legend",
    )


def swatch(tone: str) -> Markup:
    """Return a patch of a colour. It says nothing that the words beside it do not say."""
    patch = tag("rect", width="100%", height="100%", class_=tone)
    return tag("svg", patch, aria_hidden="true", width="11", height="11", xmlns="http://www.w3.org/2000/svg")


def ranges(name: str, title: str, spans: Sequence[Span], *, row: int = 34, labelled: bool = True) -> Markup:
    """Return bars from zero to what is likely, each with a whisker from the lowest to the highest."""
    most = max((span.high for span in spans), default=0.0) or 1.0
    # Room for the figure to the right of the longest whisker.
    scale = 78.0 / most
    shapes: list[Markup] = []
    top = 0
    for span in spans:
        if labelled:
            shapes.append(tag("text", span.label, x=0, y=top + 11))
        bar = top + (16 if labelled else 2)
        shapes.append(tag("rect", x=0, y=bar, width=f"{span.likely * scale:.2f}%", height=12, class_=span.tone))
        if span.high > span.low:
            shapes.append(_whisker(span.low * scale, span.high * scale, bar + 6))
        end = max(span.likely, span.high) * scale
        shapes.append(tag("text", span.shown, x=f"{end + 1.2:.2f}%", y=bar + 10.5, class_="strong"))
        top += row
    told = "; ".join(f"{span.label} {span.shown}" for span in spans)
    return drawing(name, title, told, max(top, 1), shapes)


def _whisker(low: float, high: float, y: float) -> Markup:
    return join(
        [
            tag("line", x1=f"{low:.2f}%", x2=f"{high:.2f}%", y1=y, y2=y, class_="stroke"),
            tag("line", x1=f"{low:.2f}%", x2=f"{low:.2f}%", y1=y - 4, y2=y + 4, class_="stroke"),
            tag("line", x1=f"{high:.2f}%", x2=f"{high:.2f}%", y1=y - 4, y2=y + 4, class_="stroke"),
        ]
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """A logarithmic axis in milliseconds, the same for every row of a table."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return the place of a value in per cent, held within the axis."""
        inside = min(max(value, self.low), self.high)
        return 100 * math.log(inside / self.low) / math.log(self.high / self.low)

    @property
    def ticks(self) -> tuple[float, ...]:
        """Powers of ten within the axis."""
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        return tuple(10.0**power for power in range(first, last + 1))


def scale_of(values: Sequence[float]) -> Scale:
    """Return an axis that holds these values with a little air.

    >>> scale_of([40, 9000]).ticks
    (100.0, 1000.0, 10000.0)
    """
    known = [value for value in values if value > 0 and math.isfinite(value)] or [1.0, 1000.0]
    return Scale(min(known) / 1.3, max(max(known) * 1.3, min(known) * 10))


def quantiles(
    name: str, title: str, marks: tuple[float, float, float], objective: float, scale: Scale, tone: str
) -> Markup:
    """Return one row: p50 as a tick, p95 as a thick tick, p99 as a dot on the line that joins them, and the objective across.

    ``marks`` are p50, p95 and p99.
    """
    middle = 11
    p50, p95, p99 = (scale.at(mark) for mark in marks)
    limit = scale.at(objective)
    shapes = [
        tag("line", x1="0%", x2="100%", y1=middle, y2=middle, class_="axis"),
        tag("line", x1=f"{limit:.2f}%", x2=f"{limit:.2f}%", y1=0, y2=2 * middle, class_="limit"),
        tag("rect", x=f"{p50:.2f}%", y=middle - 1.5, width=f"{max(p99 - p50, 0.1):.2f}%", height=3, class_=tone),
        tag("line", x1=f"{p50:.2f}%", x2=f"{p50:.2f}%", y1=middle - 5, y2=middle + 5, class_="stroke"),
        tag("line", x1=f"{p95:.2f}%", x2=f"{p95:.2f}%", y1=middle - 5, y2=middle + 5, class_="stroke"),
        tag("circle", cx=f"{p99:.2f}%", cy=middle, r=5, class_=tone),
    ]
    told = f"p50 {marks[0]:.0f} ms, p95 {marks[1]:.0f} ms, p99 {marks[2]:.0f} ms, objective {objective:.0f} ms"
    return drawing(name, title, told, 2 * middle, shapes)


def axis(name: str, scale: Scale, spell: Callable[[float], str]) -> Markup:
    """Return the axis of rows of quantiles: its powers of ten, spelt out."""
    shapes = [
        tag("text", spell(tick), x=f"{scale.at(tick):.2f}%", y=11, text_anchor=_held(scale.at(tick)))
        for tick in scale.ticks
    ]
    return drawing(name, "Axis", ", ".join(spell(tick) for tick in scale.ticks), 14, shapes)


def _held(place: float) -> str:
    """Words at an edge stand inside of it."""
    return "start" if place < 8 else "end" if place > 92 else "middle"


def course(
    name: str,
    title: str,
    description: str,
    points: Sequence[Point],
    limit: float,
    labels: tuple[str, str, str, str],
    spell: Callable[[float], str],
) -> Markup:
    """Return a course of time on a logarithmic axis, with a line at ``limit``.

    ``labels`` are for the limit, the highest point, the beginning and the end; ``spell`` says what a tick is.
    """
    height = 170
    scale = scale_of([*(point.y for point in points), limit])
    first, last = points[0].x, points[-1].x
    width = (last - first) or 1.0
    # The plot has coordinates of its own, since a path knows no per cent; its frame stretches, its line does not.
    path = " ".join(
        f"{'M' if number == 0 else 'L'}{1000 * (point.x - first) / width:.1f} {100 - scale.at(point.y):.2f}"
        for number, point in enumerate(points)
    )
    plot = tag(
        "svg", tag("path", d=path, class_="trace"), x=0, y=18, width="100%", height=height - 40, viewbox="0 0 1000 100", preserveaspectratio="none",
    )  # fmt: skip
    across = 18 + (height - 40) * (1 - scale.at(limit) / 100)
    above, highest, begin, end = labels
    ticks = [(tick, 18 + (height - 40) * (1 - scale.at(tick) / 100)) for tick in scale.ticks if tick != limit]
    return drawing(
        name,
        title,
        description,
        height,
        tag("line", x1=0, x2="100%", y1=height - 22, y2=height - 22, class_="axis"),
        [tag("line", x1=0, x2="100%", y1=at, y2=at, class_="grid") for _, at in ticks],
        plot,
        [tag("text", spell(tick), x=0, y=at - 4, class_="halo") for tick, at in ticks],
        tag("line", x1=0, x2="100%", y1=across, y2=across, class_="limit"),
        tag("text", above, x="100%", y=across - 5, text_anchor="end", class_="halo"),
        tag("text", highest, x=0, y=11, class_="strong"),
        tag("text", begin, x=0, y=height - 5),
        tag("text", end, x="100%", y=height - 5, text_anchor="end"),
    )
