"""How do saved logs get into the store, fast and once? Pieces are sealed by several processes and entered in their order."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from . import forms, pieces, sealing
from .files import Place
from .forms import Piece
from .gathering import Gathering
from .model import Count, Imported
from .sealing import Sealed

# Below this a second process costs more than it brings.
SMALL_BYTES = 4 * 1024 * 1024
NOT_DEFECTS = frozenset({"wire", "lost", "parts"})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is."""

    path: str
    bytes_done: int
    lines: int


@dataclass(frozen=True, slots=True)
class _Task:
    saved: int
    reached: int
    torn: bool
    done: Future[tuple[Sealed, ...]]


def seal_pieces(found: Sequence[Piece], stem: Path, received_us: int, redacting: bool) -> tuple[Sealed, ...]:
    """Read pieces and write them as files: the work of one process."""
    rows = Gathering(redacting)
    with sealing.no_collection():
        for piece in found:
            forms.gather(piece, rows)
        return sealing.write(rows, stem, received_us)


def take(
    place: Place,
    paths: Sequence[Path],
    *,
    now: float,
    app: str | None = None,
    redacting: bool = True,
    workers: int = 2,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> tuple[Imported, ...]:
    """Import saved logs; a file whose bytes were imported before adds nothing, one that was begun goes on where it was.

    ``app`` names the app of files that do not say whose they are. ``now`` is the time, in seconds since 1970, of lines that have none. Raises
    UsageError, before anything is imported, when a file cannot be read or is no log.
    """
    saved = [pieces.look(path, app) for path in paths]
    size = sum(path.stat().st_size for path in paths)
    with ExitStack() as stack:
        stack.enter_context(place.writing())
        pool = None
        if workers > 1 and size > SMALL_BYTES:
            # A fork would copy threads that another library started; a fresh interpreter has none.
            pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
        return _Import(place, saved, round(now * 1e6), redacting, progress).run(pool, workers)


class _Import:
    """One call of ``take``."""

    def __init__(
        self,
        place: Place,
        saved: Sequence[pieces.Saved],
        now_us: int,
        redacting: bool,
        progress: Callable[[Progress], None],
    ) -> None:
        self._place, self._saved, self._now_us, self._redacting, self._progress = (
            place,
            saved,
            now_us,
            redacting,
            progress,
        )
        self._lines = [0] * len(saved)
        self._apps: list[set[str]] = [set() for _ in saved]
        self._defects: list[Counter[str]] = [Counter() for _ in saved]

    def run(self, pool: Executor | None, workers: int) -> tuple[Imported, ...]:
        already = [self._place.manifest.reached(saved.mark)[1] for saved in self._saved]
        waiting: deque[_Task] = deque()
        for number, found, reached, torn in self._pieces(already):
            waiting.append(_Task(number, reached, torn, self._begin(pool, found)))
            # One piece waits behind those in hand; more would only fill the memory.
            if len(waiting) > (workers if pool else 0):
                self._enter(waiting.popleft())
        while waiting:
            self._enter(waiting.popleft())
        for saved, known in zip(self._saved, already, strict=True):
            if not known:
                self._place.manifest.reach(saved.mark, self._place.manifest.reached(saved.mark)[0], finished=True)
        return tuple(self._told(number, known) for number, known in enumerate(already))

    def _pieces(self, already: Sequence[bool]) -> Iterator[tuple[int, tuple[Piece, ...], int, bool]]:
        for number, saved in enumerate(self._saved):
            if not already[number]:
                for found, reached, torn in pieces.read(saved, self._place.manifest.reached(saved.mark)[0]):
                    yield number, found, reached, torn

    def _begin(self, pool: Executor | None, found: tuple[Piece, ...]) -> Future[tuple[Sealed, ...]]:
        stem = self._place.fresh()
        if pool is not None:
            return pool.submit(seal_pieces, found, stem, self._now_us, self._redacting)
        done: Future[tuple[Sealed, ...]] = Future()
        done.set_result(seal_pieces(found, stem, self._now_us, self._redacting))
        return done

    def _enter(self, task: _Task) -> None:
        saved, sealed = self._saved[task.saved], task.done.result()
        self._place.enter(sealed, saved.mark, {saved.mark: task.reached})
        if task.torn:
            self._defects[task.saved]["torn-file"] += 1
        for file in sealed:
            if file.shape == "lines":
                self._lines[task.saved] += file.rows
                self._apps[task.saved].update(part.app for part in file.parts)
            for tally in file.tallies:
                if tally.name not in NOT_DEFECTS:
                    self._defects[task.saved][tally.name] += tally.count
        self._progress(Progress(str(saved.path), task.reached, self._lines[task.saved]))

    def _told(self, number: int, known: bool) -> Imported:
        saved = self._saved[number]
        return Imported(
            path=str(saved.path), form=str(saved.form), apps=tuple(sorted(self._apps[number])), lines=self._lines[number],
            defects=tuple(Count(*pair) for pair in sorted(self._defects[number].items())), already=known,
        )  # fmt: skip
