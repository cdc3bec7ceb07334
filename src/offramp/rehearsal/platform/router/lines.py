"""What does the router write about a request? Router 2.0's line, as in the Dev Center's HTTP Routing page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Failure:
    """A documented H code. ``sock`` is written for those that say which side broke off; ``status`` is what the client gets."""

    code: str
    text: str
    level: Literal["error", "warning", "info"] = "error"
    status: int = 503
    sock: Literal["", "client", "backend"] = ""


CRASHED = Failure("H10", "App crashed")
TIMED_OUT = Failure("H12", "Request timeout")
NO_RESPONSE = Failure("H13", "Connection closed without response")
NO_WEB = Failure("H14", "No web processes running")
IDLE = Failure("H15", "Idle connection")
BAD_RESPONSE = Failure("H17", "Poorly formatted HTTP response")
INTERRUPTED = Failure("H18", "Server Request Interrupted", sock="backend")
CONNECT_TIMED_OUT = Failure("H19", "Backend connection timeout")
BOOT_TIMED_OUT = Failure("H20", "App boot timeout")
CONNECT_REFUSED = Failure("H21", "Backend connection refused")
CLIENT_GONE = Failure("H27", "Client Request Interrupted", "warning", 499, "client")
CLIENT_IDLE = Failure("H28", "Client Connection Idle", "warning", 499)
MAINTENANCE = Failure("H80", "Maintenance mode", "info")


@dataclass(slots=True)
class Line:
    """One request, filled in while it is served. Times are in seconds, None before they are known."""

    method: str
    path: str
    host: str
    request_id: str
    fwd: str
    dyno: str = ""
    connect: float | None = None
    service: float | None = None
    status: int = 0
    size: int = 0
    failure: Failure | None = None

    def render(self) -> str:
        """Write the line.

        >>> print(Line("GET", "/", "a.example", "id", "203.0.113.17", "web.1", 0, 0.0234, 200, 5120).render())
        at=info method=GET path="/" host=a.example request_id=id fwd="203.0.113.17" dyno=web.1 connect=0ms service=23ms \
status=200 bytes=5120 protocol=http1.1 tls=false tls_version=unknown
        """
        return (
            f'{_head(self.failure)} method={self.method} path="{self.path}" host={self.host} request_id={self.request_id} '
            f'fwd="{self.fwd}" dyno={self.dyno} connect={_ms(self.connect)} service={_ms(self.service)} status={self.status} '
            f"bytes={self.size} protocol=http1.1 tls=false tls_version=unknown"
        )


def _head(failure: Failure | None) -> str:
    if failure is None:
        return "at=info"
    sock = f"sock={failure.sock} " if failure.sock else ""
    return f'{sock}at={failure.level} code={failure.code} desc="{failure.text}"'


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{int(seconds * 1000)}ms"
