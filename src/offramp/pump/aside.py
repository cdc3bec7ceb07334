"""How do two statements run at once, one on each side? The second in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
Other = TypeVar("Other")


@dataclass
class _Result(Generic[Answer]):
    value: Answer | None = None
    error: Exception | None = None


def both(first: Callable[[], Answer], second: Callable[[], Other]) -> tuple[Answer, Other]:
    """Run both at once and return both answers; raises what the second raised, else what the first raised."""
    beside: _Result[Answer] = _Result()

    def run() -> None:
        try:
            beside.value = first()
        except Exception as error:
            beside.error = error

    thread = threading.Thread(target=run, name="offramp-aside", daemon=True)
    thread.start()
    try:
        answer = second()
    finally:
        thread.join()
    if beside.error:
        raise beside.error
    return beside.value, answer  # type: ignore[return-value]  # No error, so the value is what ``first`` returned.
