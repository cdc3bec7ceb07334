"""How is HTML put together so that no text of the customer's can become a tag? Text is escaped unless a function here made it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias


class Markup(str):
    """Text that is HTML already. Only the functions of this module make it from text that is not."""

    __slots__ = ()


Child: TypeAlias = "str | Markup | Iterable[Child] | None"
Attribute: TypeAlias = "str | int | float | bool | None"

_VOID = frozenset({"br", "col", "hr", "img", "link", "meta", "rect", "line", "circle", "path", "polyline", "use"})
NOTHING = Markup("")


def text(content: str) -> Markup:
    """Escape text. Control characters, which no browser shows and XML forbids, become the replacement sign.

    >>> text('<b> & "x"\\x00')
    '&lt;b&gt; &amp; &quot;x&quot;\ufffd'
    """
    return Markup(escape("".join(_shown(letter) for letter in content)))


def _shown(letter: str) -> str:
    code = ord(letter)
    hidden = code < 32 and letter not in "\n\t"
    # Lone surrogates cannot be encoded; the overrides of writing direction make code read otherwise than it runs.
    turned = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069
    return "\ufffd" if hidden or turned or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code >= 0xFFFE else letter


def tag(name: str, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element. ``class_`` and ``data_label`` lose their trailing and gain their inner dash; None and False are left out.

    >>> tag("p", "1 < 2 ", tag("br"), class_="note", data_label="sum")
    '<p class="note" data-label="sum">1 &lt; 2 <br></p>'
    """
    opened = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}"
    if name in _VOID:
        # SVG is XML inside of HTML, where a slash is allowed and ignored elsewhere; HTML's own void tags need none.
        return Markup(f"{opened}/>" if name in ("rect", "line", "circle", "path", "polyline", "use") else f"{opened}>")
    return Markup(f"{opened}>{join(children)}</{name}>")


def join(children: Child) -> Markup:
    """Flatten children into one piece of HTML.

    >>> join(["a", [None, "<"], tag("i", "b")])
    'a&lt;<i>b</i>'
    """
    if children is None:
        return NOTHING
    if isinstance(children, Markup):
        return children
    if isinstance(children, str):
        return text(children)
    return Markup("".join(join(child) for child in children))


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    if name == "viewbox":
        name = "viewBox"
    if name == "preserveaspectratio":
        name = "preserveAspectRatio"
    return f" {name}" if value is True else f' {name}="{text(_number(value))}"'


def _number(value: str | float) -> str:
    """
    >>> _number(12.340001), _number(3.0), _number("x")
    ('12.34', '3', 'x')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
