"""What does Prometheus read? One text page with every figure of the link, on an address that a person names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ..errors import UsageError
from .model import LinkStatus, TableStatus
from .observing import Seen
from .turning import SILENCE_SECONDS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PHASES = ("schema", "copy", "index", "live", "paused", "dead")
TABLE_FIGURES: tuple[tuple[str, str, Callable[[TableStatus], float]], ...] = (
    ("table_rows_copied", "Rows copied so far.", lambda table: table.rows_copied),
    ("table_rows_estimate", "Rows there are, about.", lambda table: table.rows_estimate),
    ("table_copied_bytes", "Bytes copied so far.", lambda table: table.bytes_copied),
    ("table_held", "Whether the table is held back.", lambda table: table.state == "paused"),
)


def page(seen: Seen | None) -> str:
    """Return the metrics in Prometheus' text format; a link that has not begun has only ``offramp_link_up``.

    See https://prometheus.io/docs/instrumenting/exposition_formats/.
    """
    link = seen.link if seen else None
    if seen is None or link is None:
        return _one("link_up", "gauge", "Whether the link reports.", [("", 0)])
    return "".join((*_link(seen, link), *_tables(link)))


def _link(seen: Seen, link: LinkStatus) -> Iterator[str]:
    mine = _labels(link=link.link.name, direction=link.link.direction)
    gauges: tuple[tuple[str, str, float], ...] = (
        ("link_up", "Whether the link reports.", link.beat_age_seconds < SILENCE_SECONDS),
        ("link_epoch", "How many switches there were.", link.link.epoch),
        ("link_target_is_primary", "Whether the target takes the applications' writes.", seen.standing.primary == "target"),
        ("link_beat_age_seconds", "How long ago the link reported.", link.beat_age_seconds),
        ("link_lag_seconds", "How far the receiving side is behind.", link.lag_seconds),
        ("link_lag_p99_seconds", "From a commit at the origin to its commit here, at worst, 99 in 100.", link.lag_p99_ms / 1000),
        ("link_lag_keys", "Changed keys that wait to be applied.", link.lag_keys),
        ("link_log_bytes", "Size of the log of changed keys at the origin.", link.log_bytes),
        ("link_verified_ratio", "Share of the rows that was found equal.", link.verified_share),
        ("link_verified_age_seconds", "Age of the oldest such finding.", link.verified_age_seconds),
    )  # fmt: skip
    for name, text, value in gauges:
        yield _one(name, "gauge", text, [(mine, float(value))])
    counters = (
        ("link_batches_total", "Batches committed.", link.batches),
        ("link_rows_applied_total", "Changed rows applied.", link.rows_applied),
        ("link_differences_total", "Rows that a check found different.", link.differences),
        ("link_repaired_total", "Such rows that were repaired.", link.repaired),
    )
    for name, text, count in counters:
        yield _one(name, "counter", text, [(mine, count)])
    phases = [
        (_labels(link=link.link.name, direction=link.link.direction, phase=phase), float(phase == link.phase))
        for phase in PHASES
    ]
    yield _one("link_phase", "gauge", "1 for the phase the link is in.", phases)


def _tables(link: LinkStatus) -> Iterator[str]:
    for name, text, value in TABLE_FIGURES:
        values = [
            (_labels(link=link.link.name, direction=link.link.direction, table=table.name), value(table))
            for table in link.tables
        ]
        yield _one(name, "gauge", text, values)


def _one(name: str, kind: str, text: str, values: Iterable[tuple[str, float]]) -> str:
    lines = [f"# HELP offramp_{name} {text}", f"# TYPE offramp_{name} {kind}"]
    lines += [f"offramp_{name}{labels} {float(value):.15g}" for labels, value in values]
    return "\n".join(lines) + "\n"


def _labels(**values: str) -> str:
    r"""Return labels, escaped.

    >>> print(_labels(table='public.Odd "Name"'))
    {table="public.Odd \"Name\""}
    """
    escaped = {
        key: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for key, value in values.items()
    }
    return "{" + ",".join(f'{key}="{value}"' for key, value in escaped.items()) + "}"


def address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT``; port 0 takes a free one. Raises UsageError.

    >>> address("127.0.0.1:9187")
    ('127.0.0.1', 9187)
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"--metrics cannot be {text!r}.", hint="Say HOST:PORT, for example 127.0.0.1:9187.")
    return host.strip("[]"), int(port)


@contextmanager
def served(where: tuple[str, int], seen: Callable[[], Seen | None]) -> Iterator[str]:
    """Serve ``/metrics`` while the block runs; yields its URL. Raises UsageError when the address cannot be had."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.split("?")[0] == "/metrics"
            body = page(seen()).encode() if found else b"The metrics are at /metrics.\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", CONTENT_TYPE if found else "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's own name.
            """Scrapes are no news."""

    try:
        server = ThreadingHTTPServer(where, Handler)
    except OSError as error:
        raise UsageError(f"--metrics cannot listen on {where[0]}:{where[1]}: {error.strerror}.") from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="pump-metrics", daemon=True)
    thread.start()
    try:
        host = f"[{where[0]}]" if ":" in where[0] else where[0]
        yield f"http://{host}:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
