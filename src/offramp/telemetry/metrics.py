"""Which figures does a ``sample#`` line report? Names as Heroku spells them, sizes in bytes."""

from __future__ import annotations

import re

from .model import Kind, MetricKind

OF_KIND = {
    Kind.DYNO_METRICS: MetricKind.DYNO,
    Kind.POSTGRES_METRICS: MetricKind.POSTGRES,
    Kind.REDIS_METRICS: MetricKind.REDIS,
    Kind.PGBOUNCER_METRICS: MetricKind.PGBOUNCER,
}
_SAMPLE = re.compile(r"sample#([\w.-]{1,80})=([-+]?\d{1,18}(?:\.\d{0,18})?(?:[eE][-+]?\d{1,3})?)([A-Za-z]*)(?=\s|$)")
_SOURCE = re.compile(r"(?:^| )source=(\S{1,120})")
# Heroku writes 512.00MB for what it calls 512 MB of memory and counts as 2^29 bytes (Dev Center, log-runtime-metrics).
_BYTES = {"bytes": 1.0, "kB": 1024.0, "KB": 1024.0, "MB": 1024.0**2, "GB": 1024.0**3}


def source(text: str) -> str:
    """Return which part of its kind a line speaks of.

    >>> source("source=HEROKU_POSTGRESQL_AMBER addon=postgresql-curved-67890 sample#tables=142")
    'HEROKU_POSTGRESQL_AMBER'
    """
    found = _SOURCE.search(text)
    return found[1] if found else ""


def read(text: str) -> list[tuple[str, float]]:
    """Return each figure's name and value.

    >>> read("source=web.1 sample#memory_total=1.50MB sample#memory_pgpgin=348836pages sample#load-avg-1m=0.2")
    [('memory_total', 1572864.0), ('memory_pgpgin', 348836.0), ('load_avg_1m', 0.2)]
    """
    return [
        (name.replace("-", "_"), float(value) * _BYTES.get(unit, 1.0)) for name, value, unit in _SAMPLE.findall(text)
    ]
