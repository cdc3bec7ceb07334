"""Which directory and environment does an image name stand for? A registry of manifests instead of layers."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...servers import programs

_REFERENCE = re.compile(
    r"^(?:(?P<registry>[^/]+\.[^/]+)/)?(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>\S+))?$"
)


class CannotPullError(Exception):
    """The image is not in the registry."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a container of this image starts from. ``as_server`` images mind root, so they run unprivileged."""

    directory: Path | None
    environment: Mapping[str, str] = field(default_factory=dict)
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    as_server: bool = False


def parse(reference: str) -> tuple[str, str]:
    """Return the repository and the tag (or digest) of an image name.

    >>> parse("123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web:v3")
    ('demo/web', 'v3')
    >>> parse("offramp-nginx")
    ('offramp-nginx', 'latest')
    """
    found = _REFERENCE.match(reference)
    if not found:
        raise CannotPullError(f"CannotPullContainerError: invalid reference format: {reference}")
    return found["repository"], found["digest"] or found["tag"] or "latest"


@dataclass(frozen=True, slots=True)
class Images:
    """The registry: a directory of manifests, and three images that are part of the rehearsal."""

    folder: Path

    def pull(self, reference: str) -> Image:
        """Return the image. Raises CannotPullError as a task's stopped reason puts it."""
        repository, tag = parse(reference)
        if built_in := _built_in(repository.rpartition("/")[2]):
            return built_in
        manifest = self._manifest(repository)
        tags = manifest.get("tags", {})
        if not isinstance(tags, dict) or tag not in tags:
            raise CannotPullError(
                f"CannotPullContainerError: pull image manifest has been retried 1 time(s): {reference}: not found"
            )
        entry = tags[tag]
        return Image(
            Path(entry["directory"]),
            {str(k): str(v) for k, v in entry.get("env", {}).items()},
            tuple(entry.get("entrypoint", ())),
            tuple(entry.get("command", ())),
        )

    def _manifest(self, repository: str) -> dict[str, object]:
        for name in (repository.replace("/", "__"), repository.rpartition("/")[2]):
            path = self.folder / f"{name}.json"
            if path.exists():
                parsed = json.loads(path.read_text())
                if isinstance(parsed, dict) and parsed.get("repository", repository) in (repository, name):
                    return parsed
        raise CannotPullError(
            f"CannotPullContainerError: The repository with name '{repository}' does not exist in the registry"
        )


def _built_in(name: str) -> Image | None:
    match name:
        case "offramp":
            return Image(None, _dump_tools())
        case "offramp-nginx":
            return Image(None, as_server=True)
        case "offramp-pgbouncer":
            return Image(None, as_server=_everybody_may_run_us())
    return None


def _dump_tools() -> dict[str, str]:
    """Return where a link finds pg_dump, which the real image carries: one that speaks TLS and is no older than the source."""
    source = programs.version_of(programs.source_postgres() / "postgres")
    return {"OFFRAMP_PG_BIN": str(programs.dump_tools(source))}


def _everybody_may_run_us() -> bool:
    """Whether an unprivileged user can reach this interpreter and this package; a checkout may lie in a private home."""
    paths = (Path(sys.executable), Path(sys.prefix), Path(__file__))
    return all(parent.stat().st_mode & 0o001 for path in paths for parent in path.resolve().parents)


def program_path() -> str:
    """Return the PATH of every container: this program, Nginx and PgBouncer, then the machine's."""
    folders = [str(Path(sys.prefix) / "bin"), str(Path(sys.executable).parent), str(programs.nginx().parent)]
    try:
        folders.append(str(programs.pgbouncer().parent))
    except programs.MissingProgramError:
        # Only a task that needs PgBouncer has to fail for it.
        pass
    folders += ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return ":".join(dict.fromkeys(folders))
