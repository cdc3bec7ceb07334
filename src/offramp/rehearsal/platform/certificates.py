"""Which certificate does the simulated Heroku serve for an app's domains? One of a private authority, as its ACM would have issued it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from tempfile import NamedTemporaryFile
from typing import Any

import trustme


@dataclass(frozen=True, slots=True)
class Served:
    """``chain`` is PEM, the server's certificate first."""

    hosts: tuple[str, ...]
    chain: str
    starts: datetime
    expires: datetime


@dataclass
class Certificates:
    """Issued when first asked for, and again when an app's domains change."""

    _issued: dict[str, Served] = field(default_factory=dict)

    def of(self, app: str, hosts: tuple[str, ...]) -> Served:
        known = self._issued.get(app)
        if known is None or known.hosts != hosts:
            known = self._issued[app] = _issue(hosts)
        return known


def _issue(hosts: tuple[str, ...]) -> Served:
    made = trustme.CA().issue_cert(*hosts)
    with NamedTemporaryFile(suffix=".pem") as file:
        file.write(made.cert_chain_pems[0].bytes())
        file.flush()
        # The standard library reads a certificate's dates from a file only, by a function without a public name.
        decoded: dict[str, Any] = ssl._ssl._test_decode_cert(file.name)  # type: ignore[attr-defined]
    chain = b"".join(pem.bytes() for pem in made.cert_chain_pems).decode()
    return Served(hosts, chain, _date(decoded["notBefore"]), _date(decoded["notAfter"]))


def _date(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
