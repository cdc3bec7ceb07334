"""Who vouches for the rehearsal's servers? A private authority, as on Heroku, that no ordinary bundle knows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

from ...kit import processes


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of a server certificate with its chain, its key (mode 0600, owned by the server user) and the authority."""

    chain: Path
    key: Path
    authority: Path


def issue(folder: Path, *hosts: str) -> Certificate:
    """Make an authority and a certificate for ``hosts`` in ``folder``."""
    processes.own_directory(folder)
    authority = trustme.CA()
    issued = authority.issue_cert(*hosts)
    made = Certificate(folder / "server.crt", folder / "server.key", folder / "ca.crt")
    made.chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    made.key.touch(mode=0o600)
    made.key.write_bytes(issued.private_key_pem.bytes())
    made.authority.write_bytes(authority.cert_pem.bytes())
    for path in (made.chain, made.key, made.authority):
        processes.give(path)
    return made
