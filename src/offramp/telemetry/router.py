"""What does a router line say? Both routers' forms, every code, values in quotes, cut lines.

The fields are those of Dev Center "HTTP Routing". A missing value is written as nothing after ``=``, and must stay missing.
"""

from __future__ import annotations

import re

# head, code, method, path, host, request_id, fwd, dyno, connect, service, status, bytes, tail
Fields = tuple[str, str, str, str, str, str, str, str, str, str, str, str, str]

# Almost every line matches this; the other reader is for the rest. Figures are bounded, so that each fits its column.
_FIELDS = (
    r'((?:sock=\w+ )?at=\w+(?: code=(\w+) desc="[^"]*"(?: \w+="[^"]*")*)?) method=(\S{0,32}) path="([^"]*)" host=(\S*)'
    r' request_id=(\S{0,200}) fwd="([^"]*)" dyno=(\S*) connect=(\d{0,9})(?:ms)? service=(\d{0,9})(?:ms)? status=(\d{0,4})'
    r" bytes=(\d{0,15})(| [^\n]*)"
)
_TIME = r"([-0-9T:.]{26}\+00:00)"
CANONICAL = re.compile(_FIELDS)
# The same with the line's own time in front, as drains and as `heroku logs` have it: one look at a line instead of three.
_DRAIN = rf"<\d{{1,3}}>1 {_TIME} host heroku router - "
_TEXT = rf"{_TIME} heroku\[router\]: "
IN_DRAIN, IN_TEXT = re.compile(_DRAIN + _FIELDS), re.compile(_TEXT + _FIELDS)
# And with the tail of the client's address left out of its group where there is one address: ``203.0.113.`` is one of 254 clients, and so
# much less often a new one.
_SHORT = _FIELDS.replace(r'fwd="([^"]*)"', r'fwd="(\d{1,3}\.\d{1,3}\.\d{1,3}\.(?=\d{1,3}")|[^"]*)\d{0,3}"')
IN_DRAIN_SHORT, IN_TEXT_SHORT = re.compile(_DRAIN + _SHORT), re.compile(_TEXT + _SHORT)
_PATH = re.compile(r'(?:^| )path="(.*)"(?= host=| \w+=|$)', re.DOTALL)
_PAIR = re.compile(r'([A-Za-z_]\w*)=(?:"([^"]*)"?|(\S*))')
_FIGURE = {
    "connect": re.compile(r"(\d{1,9})(?:ms)?"), "service": re.compile(r"(\d{1,9})(?:ms)?"),
    "status": re.compile(r"(\d{1,4})"), "bytes": re.compile(r"(\d{1,15})"),
}  # fmt: skip
_HEAD = ("sock", "at", "code", "desc", "cause", "agent")
_KNOWN = frozenset((*_HEAD, *_FIGURE, "method", "path", "host", "request_id", "fwd", "dyno"))


def read(text: str) -> tuple[Fields, bool] | None:
    """Return a line's fields as they were written, and whether the line was whole; None when it is no router line at all.

    >>> read('at=info method=GET path="/" host=a.example.com request_id=r fwd="" dyno= connect= service= status=503 bytes=')[0][7:12]
    ('', '', '', '503', '')
    """
    match = CANONICAL.fullmatch(text)
    if match:
        return (*(part or "" for part in match.groups()),), True  # type: ignore[return-value]
    return _liberal(text)


def _liberal(text: str) -> tuple[Fields, bool] | None:
    path, rest = "", text
    # The path may hold anything, a quote and an equals sign too, so it ends where the next key begins, seen from the right.
    if found := _PATH.search(text[: _end_of_path(text)]):
        path = found[1]
        rest = text[: found.start()] + text[found.end() :]
    elif cut := re.search(r'(?:^| )path="(.*)$', text, re.DOTALL):
        path, rest = cut[1], text[: cut.start()]
    pairs = {match[1]: match[2] if match[2] is not None else match[3] for match in _PAIR.finditer(rest)}
    if "at" not in pairs or not ({"method", "status", "service", "code"} & pairs.keys()):
        return None
    whole = "status" in pairs and "bytes" in pairs
    figures: list[str] = []
    for name, form in _FIGURE.items():
        value = pairs.get(name, "")
        read_as = form.fullmatch(value)
        whole = whole and (read_as is not None or not value)
        figures.append(read_as[1] if read_as else "")
    head = " ".join(_pair(name, pairs[name]) for name in _HEAD if name in pairs)
    tail = "".join(f" {_pair(name, value)}" for name, value in pairs.items() if name not in _KNOWN)
    connect, service, status, size = figures
    return (
        head, pairs.get("code", ""), pairs.get("method", "")[:32], path, pairs.get("host", ""), pairs.get("request_id", "")[:200],
        pairs.get("fwd", ""), pairs.get("dyno", ""), connect, service, status, size, tail,
    ), whole  # fmt: skip


def _end_of_path(text: str) -> int:
    place = text.rfind(" request_id=")
    return place if place >= 0 else len(text)


def _pair(name: str, value: str) -> str:
    return f'{name}="{value}"' if name in ("desc", "cause", "agent") or " " in value else f"{name}={value}"


def write(fields: Fields) -> str:
    """Return the line that has these fields.

    >>> line = 'at=info method=GET path="/a" host=h request_id=r fwd="" dyno=web.1 connect=0ms service=2ms status=200 bytes=1 protocol=https'
    >>> write(read(line)[0]) == line
    True
    """
    head, _, method, path, host, request_id, fwd, dyno, connect, service, status, size, tail = fields
    return (
        f'{head} method={method} path="{path}" host={host} request_id={request_id} fwd="{fwd}" dyno={dyno} connect={_ms(connect)}'
        f" service={_ms(service)} status={status} bytes={size}{tail}"
    )


def _ms(figure: str) -> str:
    return f"{figure}ms" if figure else ""
