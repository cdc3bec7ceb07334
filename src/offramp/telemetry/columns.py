"""In which shape do router lines leave the store? One array per field, so that millions of them fit and are worked on at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Router:
    """Router lines of one app, in the order in which they were written. All arrays have the same length.

    A line's time is when the request was completed; ``completed_us`` minus ``service_ms`` is when it reached the dyno.
    ``dyno``, ``route`` and ``code`` number the names in ``dynos``, ``routes`` and ``codes``.
    """

    app: str
    completed_us: NDArray[np.int64]
    """Microseconds since 1970 UTC."""
    connect_ms: NDArray[np.int32]
    """-1 where the line has none."""
    service_ms: NDArray[np.int32]
    """-1 where the line has none: the request never reached a dyno."""
    status: NDArray[np.int16]
    sent_bytes: NDArray[np.int64]
    """Bytes of the answer; -1 where the line has none."""
    dyno: NDArray[np.int32]
    dynos: tuple[str, ...]
    """``web.1``; the empty name where no dyno was reached."""
    route: NDArray[np.int32]
    routes: tuple[str, ...]
    """Method and templated path: ``GET /api/mentors/{id}``."""
    code: NDArray[np.int16]
    codes: tuple[str, ...]
    """Heroku's error codes; the empty name for a request without one."""

    def __len__(self) -> int:
        return len(self.completed_us)
