"""pgcopydb 0.10: the best of the copying tools in Debian. It copies; it does not follow without logical decoding."""

from __future__ import annotations

import shutil

from offramp.kit import processes

from ..clusters import ADMIN, Side
from ..stage import Stage, run

STEPS = ("pgcopydb clone --dir --table-jobs 2 --index-jobs 2 --no-owner --no-acl --source URL --target URL",)


def clone(stage: Stage, source: Side, target: Side) -> None:
    """``pgcopydb clone`` with two jobs of each kind, as superuser."""
    folder = stage.folder / "pgcopydb"
    shutil.rmtree(folder, ignore_errors=True)
    source, target = source.named(role=ADMIN), target.named(role=ADMIN)
    # One passfile serves both sides; the single host, port and user of the environment would not.
    env = {
        name: value for name, value in source.env().items() if name not in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE")
    }
    processes.own_directory(stage.folder / "tmp")
    run(
        [
            "pgcopydb", "clone", "--dir", folder, "--table-jobs", "2", "--index-jobs", "2", "--no-owner", "--no-acl",
            "--source", source.bare_url, "--target", target.bare_url,
        ],
        {**env, "TMPDIR": str(stage.folder / "tmp")},
    )  # fmt: skip
