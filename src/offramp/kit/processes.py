"""How are real programs started, stopped and kept out of root's hands?

PostgreSQL refuses to run as root, so servers run as an unprivileged user when the caller is root, and as the caller otherwise.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

UNPRIVILEGED = ("postgres", "nobody")


def server_user() -> pwd.struct_passwd | None:
    """Return the user that servers run as, or None when the caller is unprivileged already."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"none of the users {', '.join(UNPRIVILEGED)} exists to run servers as")


def own_directory(path: Path) -> Path:
    """Create ``path`` and give it to the server user, with every parent made passable for that user."""
    path.mkdir(parents=True, exist_ok=True)
    if user := server_user():
        for parent in path.resolve().parents:
            mode = parent.stat().st_mode
            if not mode & 0o001 and parent.stat().st_uid == 0 and len(parent.parts) > 1:
                parent.chmod(mode | 0o011)
        os.chown(path, user.pw_uid, user.pw_gid)
    return path


def give(path: Path) -> None:
    """Give one file to the server user (no effect for an unprivileged caller)."""
    if user := server_user():
        os.chown(path, user.pw_uid, user.pw_gid)


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    as_server: bool = False,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own, its output appended to ``log`` unless ``stdout`` is given.

    ``as_server`` drops root for the server user. The caller stops it by pid, with ``stop``.
    """
    user = server_user() if as_server else None
    sink = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            env=dict(env) if env is not None else None,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout if stdout is not None else (sink or subprocess.DEVNULL),
            stderr=sink or subprocess.DEVNULL,
            start_new_session=True,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )
    finally:
        if sink:
            sink.close()


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, as_server: bool = False) -> str:
    """Run ``command`` to its end and return its stdout.

    Raises RuntimeError with its stderr when it fails.
    """
    user = server_user() if as_server else None
    done = subprocess.run(
        [str(part) for part in command],
        env=dict(env) if env is not None else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd="/" if user else None,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def alive(pid: int) -> bool:
    """Whether a process with this pid exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def stop(process: subprocess.Popen[bytes], *, seconds: float = 10, first: signal.Signals = signal.SIGTERM) -> int:
    """Send ``first`` to the process, wait, then SIGKILL its whole session; return its exit status."""
    if process.poll() is None:
        process.send_signal(first)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return process.wait()


def wait_until(ready: object, *, seconds: float, what: str, every: float = 0.02) -> None:
    """Call ``ready()`` until it is true. Raises TimeoutError naming ``what`` after ``seconds``."""
    assert callable(ready)
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} was not ready within {seconds:g} s")
        time.sleep(every)
