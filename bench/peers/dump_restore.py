"""``pg_dump`` into ``psql``, and the directory form with two jobs into ``pg_restore``: what everybody has."""

from __future__ import annotations

import shutil

from ..clusters import ADMIN, Side
from ..stage import Pipe, Stage, run


def piped(stage: Stage, source: Side, target: Side) -> None:
    """``pg_dump | psql``."""
    source, target = source.named(role=ADMIN), target.named(role=ADMIN)
    Pipe(
        ["pg_dump", "--no-owner", "--no-privileges"],
        source.env(),
        ["psql", "-Xq", "-v", "ON_ERROR_STOP=1"],
        target.env(),
    ).wait()


def in_parallel(stage: Stage, source: Side, target: Side) -> None:
    """``pg_dump -Fd -j2 -Z0`` and then ``pg_restore -j2``; uncompressed, since both ends are on this machine."""
    source, target = source.named(role=ADMIN), target.named(role=ADMIN)
    folder = stage.folder / "dump"
    shutil.rmtree(folder, ignore_errors=True)
    run(["pg_dump", "-Fd", "-j2", "-Z0", "--no-owner", "--no-privileges", "-f", folder], source.env())
    run(["pg_restore", "-j2", "--no-owner", "--no-privileges", "-d", target.database, folder], target.env())
    shutil.rmtree(folder)
