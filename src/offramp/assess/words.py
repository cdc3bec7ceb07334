"""How are figures said? One way for the page, the summary and the sentences, so that the same figure always reads the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

UNKNOWN = "unknown"


def duration(milliseconds: float) -> str:
    """Two or three digits and a unit.

    >>> [duration(value) for value in (0, 0.42, 7.4, 230.4, 999.6, 8412, 61_000, 4_000_000)]
    ['0 ms', '0.4 ms', '7 ms', '230 ms', '1.0 s', '8.4 s', '61 s', '67 min']
    """
    if not math.isfinite(milliseconds):
        return UNKNOWN
    if 0 < milliseconds < 0.95:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 9950:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds / 1000:.0f} s" if milliseconds < 600_000 else f"{milliseconds / 60_000:.0f} min"


def share(value: float) -> str:
    """A share of one as per cent.

    >>> [share(value) for value in (0, 0.0004, 0.034, 0.5, 0.9994, 1)]
    ['0%', '<0.1%', '3.4%', '50%', '>99.9%', '100%']
    """
    if not math.isfinite(value):
        return UNKNOWN
    if 0 < value < 0.001:
        return "<0.1%"
    if 0.999 < value < 1:
        return ">99.9%"
    percent = value * 100
    return f"{percent:.1f}%" if 0 < percent < 9.95 and percent != round(percent) else f"{percent:.0f}%"


def dollars(amount: float) -> str:
    """A sum of money without cents, which nobody plans by; small sums keep theirs.

    >>> [dollars(value) for value in (0, 4.2, 99.5, 1234.5, -30.2)]
    ['$0', '$4.20', '$100', '$1,234', '−$30']
    """
    sign = "−" if amount < 0 else ""
    size = abs(amount)
    return f"{sign}${size:.2f}" if 0 < size < 10 else f"{sign}${size:,.0f}"


def count(number: float) -> str:
    """
    >>> count(1234567), count(3.0), count(0.25)
    ('1,234,567', '3', '0.25')
    """
    return f"{number:,.0f}" if number == round(number) or abs(number) >= 100 else f"{number:,.2g}"


def size(octets: float) -> str:
    """Bytes in the units of a disk's label.

    >>> size(900), size(64_000_000), size(3_200_000_000_000)
    ('900 B', '64 MB', '3.2 TB')
    """
    value, unit = float(octets), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{value:.1f} {unit}" if value < 9.95 and unit != "B" else f"{value:.0f} {unit}"


def some(number: int, one: str, many: str = "") -> str:
    """A number and its noun.

    >>> some(1, "app"), some(2, "app"), some(0, "policy", "policies")
    ('1 app', '2 apps', '0 policies')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """
    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c", "d", "e"])
    ('a', 'a and b', 'a, b, c and 2 more')
    """
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def moment(seconds: float) -> str:
    """
    >>> moment(1795466700)
    '23 November 2026, 20:45 UTC'
    """
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def hour(seconds: float) -> str:
    """A moment where there is little room.

    >>> hour(1795466700)
    '23 Nov 20:45'
    """
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at.day} {at:%b %H:%M}"


def sentence(text: str) -> str:
    """Give a phrase its full stop, and its capital unless it begins with a name: `web-1` is not `Web-1`.

    >>> sentence("two apps wait"), sentence("Done."), sentence("sessions-api is slow")
    ('Two apps wait.', 'Done.', 'sessions-api is slow.')
    """
    said = text.strip()
    if not said:
        return ""
    first = said.partition(" ")[0].rstrip(".,:;")
    plain = f"{said[0].upper()}{said[1:]}" if first.isalpha() else said
    return plain if plain[-1] in ".!?:" else f"{plain}."


def span(seconds: float) -> str:
    """A stretch of time as people say it.

    >>> [span(value) for value in (90, 3600, 21_600, 604_800, 650_000)]
    ['90 seconds', '60 minutes', '6 hours', '7 days', '7.5 days']
    """
    for unit, long in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * long or (unit == "minutes" and seconds >= 120):
            value = seconds / long
            return f"{value:.0f} {unit}" if value >= 20 or abs(value - round(value)) < 0.05 else f"{value:.1f} {unit}"
    return f"{seconds:.0f} seconds"
