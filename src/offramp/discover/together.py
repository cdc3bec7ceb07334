"""How are many things read side by side? A few threads, progress after each, and the first error ends it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

Thing = TypeVar("Thing")
Found = TypeVar("Found")
Tell = Callable[[str, float | None], None]
"""Told what goes on, and which share of it is done where that is known."""

API_THREADS = 8
"""At 100 ms a call that makes 80 calls a second: 100 apps take a quarter of a minute, and Heroku sees no storm."""
DATABASE_THREADS = 4


def silent(text: str, share: float | None = None) -> None:
    """The teller of whoever does not want to watch."""


def each(
    things: Iterable[Thing],
    read: Callable[[Thing], Found],
    *,
    threads: int,
    tell: Tell = silent,
    what: str = "",
) -> tuple[Found, ...]:
    """Return ``read`` of each thing, in the order of the things. Raises the first error, once the calls under way have ended."""
    ordered = list(things)
    if not ordered:
        return ()
    with ThreadPoolExecutor(max_workers=min(threads, len(ordered)), thread_name_prefix="discover") as pool:
        asked = {pool.submit(read, thing): place for place, thing in enumerate(ordered)}
        found: dict[int, Found] = {}
        try:
            for number, future in enumerate(as_completed(asked), start=1):
                found[asked[future]] = future.result()
                tell(f"{what}: {number} of {len(ordered)}", number / len(ordered))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tuple(found[place] for place in range(len(ordered)))
