"""Does the page look right in a real browser: at a desk and on a phone, light and dark, and on paper, asking nobody for anything?

It needs Debian's package ``chromium``; without it, and where it cannot be installed, these tests are skipped. By hand,
``python tests/process/browser.py PAGE.html FOLDER`` takes the pictures that people look at.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import assessments
import browser
import pytest
from browser import Tab

from offramp.assess.page import render

Answer = TypeVar("Answer")

WIDTHS = {"desk": browser.DESK, "phone": browser.PHONE, "narrow phone": browser.NARROW}
UNBROKEN = "x" * 300


@pytest.fixture(scope="module")
def chromium() -> Iterator[str]:
    if browser.program() is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with browser.chromium() as address:
        yield address


@pytest.fixture(scope="module")
def page(module_folder: Path) -> Path:
    path = module_folder / "assessment.html"
    path.write_text(render(assessments.assessment()), "utf-8")
    return path


@pytest.fixture(scope="module")
def awkward(module_folder: Path) -> Path:
    """The page of an estate whose names and statements have no place to break."""
    found, latency, advice = assessments.assessment(), assessments.latency(), assessments.advice()
    path = module_folder / "awkward.html"
    long = replace(
        found,
        name=UNBROKEN,
        slow=replace(found.slow, sentence=UNBROKEN),
        latencies=(
            replace(
                latency,
                app=UNBROKEN,
                routes=tuple(replace(row, route=f"GET /{UNBROKEN}") for row in latency.routes),
                causes=tuple(replace(cause, subject=UNBROKEN) for cause in latency.causes),
            ),
        ),
        databases=(replace(advice, statements=tuple(replace(one, text=UNBROKEN) for one in advice.statements)),),
    )
    path.write_text(render(long), "utf-8")
    return path


def seen(
    address: str, page: Path, size: tuple[int, int], ask: Callable[[Tab], Awaitable[Answer]], *, dark: bool = False
) -> Answer:
    """Open the page, ask it something, and return the answer."""

    async def run() -> Answer:
        async with browser.visit(address, page, size, dark=dark) as tab:
            return await ask(tab)

    return asyncio.run(run())


async def overflow(tab: Tab) -> list[str]:
    """Return what reaches beyond the right edge, every fold opened."""
    await tab.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    found = await tab.evaluate(
        """[document.documentElement.scrollWidth > document.documentElement.clientWidth ? 'the page' : '',
            ...[...document.querySelectorAll('main *, header *, .answers *, footer *')]
               .filter(one => !one.closest('svg, thead, .unseen') && one.getBoundingClientRect().right > innerWidth + 1)
               .map(one => one.outerHTML.slice(0, 120))].filter(Boolean)"""
    )
    return [str(one) for one in found]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_reaches_beyond_the_edge(chromium: str, page: Path, width: str) -> None:
    assert seen(chromium, page, WIDTHS[width], overflow) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_not_even_names_that_cannot_be_broken(chromium: str, awkward: Path, width: str) -> None:
    assert seen(chromium, awkward, WIDTHS[width], overflow) == []


@pytest.mark.parametrize("width", ["desk", "phone"])
@pytest.mark.parametrize("dark", [False, True])
def test_the_browser_has_nothing_to_complain_of_and_nobody_is_asked(
    chromium: str, page: Path, width: str, dark: bool
) -> None:
    async def watch(tab: Tab) -> browser.Seen:
        await tab.evaluate("document.fonts.ready.then(() => true)")
        return tab.seen

    found = seen(chromium, page, WIDTHS[width], watch, dark=dark)

    assert found.complaints == []
    assert [url for url in found.requests if not url.startswith("file:")] == []
    assert len(found.requests) == 1


BOTTOMS = (
    "[...document.querySelectorAll('.answer')].map(one => one.querySelector('{part}').getBoundingClientRect().bottom)"
)


@pytest.mark.parametrize(("width", "part"), [("desk", ".more"), ("desk", "svg"), ("phone", ".figure")])
def test_the_first_screen_holds_the_three_answers(chromium: str, page: Path, width: str, part: str) -> None:
    """At a desk with their sentences, charts and links; on a phone with their figures."""

    async def bottoms(tab: Tab) -> list[float]:
        return [float(one) for one in await tab.evaluate(BOTTOMS.format(part=part))]

    found = seen(chromium, page, WIDTHS[width], bottoms)

    assert len(found) == 3
    assert max(found) <= WIDTHS[width][1]


COLOURS = """(() => {
  const value = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number)
    .map(part => part / 255).map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = one => { for (; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (!/, 0\\)$/.test(colour)) return colour; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('p, li, td, th, h1, h2, h3, h4, dt, dd, a, summary, figcaption, code, .tag')]
    .filter(one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .map(one => { const [a, b] = [value(getComputedStyle(one).color), value(behind(one))].sort((x, y) => y - x);
                  return [(a + 0.05) / (b + 0.05), one.tagName + ' ' + one.className + ' ' + one.textContent.slice(0, 40)]; })
    .filter(([ratio]) => ratio < 4.5).map(([ratio, what]) => ratio.toFixed(1) + ' ' + what);
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_word_stands_out_from_what_is_behind_it(chromium: str, page: Path, dark: bool) -> None:
    """The contrast of WCAG 2 AA: 4.5 to 1."""

    async def faint(tab: Tab) -> list[str]:
        return [str(one) for one in await tab.evaluate(COLOURS)]

    assert seen(chromium, page, browser.DESK, faint, dark=dark) == []


def test_dark_is_dark_and_light_is_light(chromium: str, page: Path) -> None:
    async def ground(tab: Tab) -> str:
        return str(await tab.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert seen(chromium, page, browser.DESK, ground) == "rgb(252, 251, 248)"
    assert seen(chromium, page, browser.DESK, ground, dark=True) == "rgb(21, 23, 26)"


def test_it_prints_on_a4(chromium: str, page: Path) -> None:
    async def printed(tab: Tab) -> bytes:
        return await tab.pdf()

    found = seen(chromium, page, browser.DESK, printed)

    assert found.startswith(b"%PDF-")
    assert (
        b"/MediaBox [0 0 594.95996 841.91998]" in found
        or b"/MediaBox [0 0 595" in found
        or b"/MediaBox [0 0 594" in found
    )
    assert 3 <= found.count(b"/Type /Page\n") <= 40


def test_a_picture_can_be_taken(chromium: str, page: Path, tmp_path: Path) -> None:
    async def picture(tab: Tab) -> bytes:
        await tab.picture(tmp_path / "first.png")
        return (tmp_path / "first.png").read_bytes()

    taken = seen(chromium, page, browser.DESK, picture)

    assert struct.unpack(">II", taken[16:24]) == browser.DESK
