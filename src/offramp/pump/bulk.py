"""How do millions of rows get across without Python touching a value? Blocks pass from one asyncpg COPY to another, as they come.

asyncpg hands over whole network buffers where psycopg hands over rows: measured 148 MB/s where ``psql | psql`` moved 152 and a loop
over psycopg's rows 77 to 113, at a sixth of the CPU. A lane is one pair of connections with an event loop of its own, driven by the
thread that made it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import asyncpg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ..errors import UnreachableError
from ..kit import sqlbook
from ..postgres import PINS, Connection

_BOOK = sqlbook.load("offramp.pump", "sql/bulk.sql")
CONNECT_SECONDS = 10
# Network buffers between the two sides of a lane.
QUEUED_BLOCKS = 16
# A range takes a second or so; this is for lines that something swallowed.
STALL_SECONDS = 60.0
END_SECONDS = 5.0


class LaneError(Exception):
    """One side of a lane refused a statement. ``sqlstate`` is empty when the line was lost."""

    def __init__(self, message: str, sqlstate: str, constraint: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.constraint = constraint


class OriginLaneError(LaneError):
    """The side that is read from."""


class ReceiverLaneError(LaneError):
    """The side that is written to."""


@dataclass(frozen=True, slots=True)
class Into:
    """Where rows go: the table by its parts, and COPY's format, ``text`` or ``binary``.

    ``anew`` empties the table first, so that rows can be written frozen: the key's build then need not mark each of them as
    committed and write all pages once more, which is half of its time.
    """

    schema: str
    table: str
    columns: tuple[str, ...]
    format: str
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    rows: int
    size: int


# What COPY's binary format has before the first row and behind the last one; headers have no extension here.
HEADER_BYTES, TRAILER = 19, b"\xff\xff"
Check = Callable[[Any], Awaitable[None]]
Progress = Callable[[Passed], None]
Keep = Callable[[Passed], Sequence[tuple[str, Sequence[Any]]]]


class Lane:
    """A pair of connections like two that are open already; a context manager. Raises UnreachableError when they are not granted."""

    def __init__(
        self,
        origin: Connection,
        receiver: Connection,
        admit: Callable[[int], float],
        *,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        """``admit`` is told of each block's bytes and returns how many seconds to pause.

        Both lines are given up when not a byte moves for ``stall_seconds``.
        """
        self._runner = asyncio.Runner()
        # Futures that nobody waits for any more, once a line was given up; whoever did wait has been told.
        self._runner.get_loop().set_exception_handler(lambda loop, context: None)
        self._admit = admit
        self._stall_seconds = stall_seconds
        self._moved_at = 0.0
        try:
            self._origin = self._do(_connect(origin))
            try:
                self._receiver = self._do(_connect(receiver))
            except BaseException:
                self._runner.run(self._origin.close())
                raise
        except BaseException:
            self._runner.close()
            raise

    def prepare_receiver(self, *, replica: bool) -> None:
        """Set what a receiving session needs: nothing of the table's own may fire."""
        self._do(self._receiver.execute(_BOOK["receiver"]))
        if replica:
            self._do(self._receiver.execute(_BOOK["replica"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(Exception):
            self._runner.run(self._end())
        self._runner.close()

    async def _end(self) -> None:
        for side in (self._origin, self._receiver):
            side.terminate()

    @property
    def origin_pid(self) -> int:
        return int(self._origin.get_server_pid())

    def copy(
        self, outs: Sequence[str], into: Into, check: Check, keep: Keep, progress: Progress | None = None
    ) -> Passed:
        """Pass the rows of these queries, each with a snapshot of its own, into a table in one transaction there.

        ``check`` is awaited with the origin's connection before the commit and may raise; ``keep`` says which statements (with
        ``$1`` parameters) commit together with the rows; ``progress`` is told what each query yielded. Raises OriginLaneError and
        ReceiverLaneError.
        """
        passed: Passed = self._do(self._copy(outs, into, check, keep, progress))
        return passed

    def _do(self, work: Any) -> Any:
        return self._runner.run(work)

    async def _copy(
        self, outs: Sequence[str], into: Into, check: Check, keep: Keep, progress: Progress | None
    ) -> Passed:
        """TCP does not notice a peer that acknowledges bytes and drops them; that nothing moves any more is noticed here."""
        self._moved_at = time.monotonic()
        work = asyncio.ensure_future(self._copy_watched(outs, into, check, keep, progress))
        try:
            while not (await asyncio.wait({work}, timeout=self._stall_seconds / 10))[0]:
                if time.monotonic() - self._moved_at >= self._stall_seconds:
                    await self._end()
                    raise OriginLaneError(f"nothing moved for {self._stall_seconds:g} s", "")
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work}, timeout=END_SECONDS)
            work.cancelled() or work.exception()
        return work.result()

    async def _copy_watched(
        self, outs: Sequence[str], into: Into, check: Check, keep: Keep, progress: Progress | None
    ) -> Passed:
        with _Of(ReceiverLaneError):
            await self._receiver.execute("begin")
        try:
            if into.anew:
                with _Of(ReceiverLaneError):
                    where = sql.Identifier(into.schema, into.table)
                    await self._receiver.execute(sql.SQL(_BOOK["empty"]).format(table=where).as_string(None))
            passed = await self._pass(outs, into, progress)
            with _Of(OriginLaneError):
                await check(self._origin)
            with _Of(ReceiverLaneError):
                for statement, values in keep(passed):
                    await self._receiver.execute(statement, *values)
                await self._receiver.execute("commit")
        except BaseException:
            with suppress(Exception):
                await self._receiver.execute("rollback")
            raise
        return passed

    async def _pass(self, outs: Sequence[str], into: Into, progress: Progress | None) -> Passed:
        blocks: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUED_BLOCKS)
        size = 0
        joint = Joint(len(outs)) if into.format == "binary" else None

        async def take(block: bytes) -> None:
            nonlocal size
            size += len(block)
            self._moved_at = time.monotonic()
            if (pause := self._admit(len(block))) > 0:
                await asyncio.sleep(pause)
            if joint is not None:
                block = joint.cut(block)
            if block:
                await blocks.put(block)

        async def read() -> None:
            try:
                for out in outs:
                    before = size
                    with _Of(OriginLaneError):
                        said = await self._origin.copy_from_query(out, output=take, format=into.format)
                    if joint is not None and (rest := joint.end()):
                        await blocks.put(rest)
                    if progress is not None:
                        progress(Passed(int(said.split()[-1]), size - before))
            finally:
                await blocks.put(None)

        async def write() -> AsyncIterator[bytes]:
            while (block := await blocks.get()) is not None:
                yield block
            await reading

        reading = asyncio.ensure_future(read())
        # Its error is told by whoever waits for it, or by the receiver's.
        reading.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        try:
            with _Of(ReceiverLaneError):
                said = await self._receiver.copy_to_table(
                    into.table,
                    source=write(),
                    schema_name=into.schema,
                    columns=list(into.columns),
                    format=into.format,
                    freeze=into.anew,
                )
        finally:
            if not reading.done():
                reading.cancel()
                with suppress(BaseException):
                    await reading
        return Passed(int(said.split()[-1]), size)


class Joint:
    """Makes one binary COPY of several: headers but the first are cut off, and trailers but the last."""

    def __init__(self, count: int) -> None:
        self._left, self._first = count, True
        self._header = HEADER_BYTES
        self._held = b""

    def cut(self, block: bytes) -> bytes:
        """Take a block of the present COPY; returns what of it may go on. The end is held back, for it may be a trailer."""
        block = self._held + block
        if self._header and not self._first:
            gone = min(self._header, len(block))
            self._header -= gone
            block = block[gone:]
        keep = min(len(TRAILER), len(block))
        self._held = block[len(block) - keep :]
        return block[: len(block) - keep]

    def end(self) -> bytes:
        """End the present COPY; returns what is left of it, its trailer only when it is the last one."""
        self._left -= 1
        rest, self._held = self._held, b""
        self._first, self._header = False, HEADER_BYTES
        return rest if self._left == 0 else rest.removesuffix(TRAILER)


class _Of:
    """Tell one side's errors from the other's."""

    def __init__(self, kind: type[LaneError]) -> None:
        self._kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, asyncpg.PostgresError):
            raise self._kind(error.message or "refused", error.sqlstate or "", error.constraint_name or "") from error
        if isinstance(error, asyncpg.InterfaceError | OSError | asyncio.IncompleteReadError):
            raise self._kind("connection lost", "") from error


async def _connect(like: Connection) -> Any:
    words = conninfo_to_dict(like.info.dsn)
    try:
        side = await asyncpg.connect(
            host=like.info.host or None,
            port=like.info.port,
            user=like.info.user,
            password=like.info.password or None,
            database=like.info.dbname,
            ssl=tls(words, in_use=bool(like.pgconn.ssl_in_use)),
            timeout=CONNECT_SECONDS,
            statement_cache_size=0,
            server_settings={"application_name": f"{_name(like)}-bulk"},
        )
        _keep_alive(side)
        await side.execute(_BOOK["pin"], list(PINS), list(PINS.values()))
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        raise UnreachableError(f"One more connection for the copy was not granted: {type(error).__name__}.") from error
    return side


def _name(like: Connection) -> str:
    return (like.info.parameter_status("application_name") or "offramp")[:50]


def _keep_alive(side: Any) -> None:
    """Let a line that is silently cut fail, as on the link's own connections: within 25 s of waiting, 20 s of sending."""
    line = side._transport.get_extra_info("socket")  # asyncpg has no public way to its socket.
    if line is None or line.family == socket.AF_UNIX:
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 20_000)):
        if (option := getattr(socket, name, None)) is not None:
            line.setsockopt(socket.IPPROTO_TCP, option, value)


def tls(words: Mapping[str, Any], *, in_use: bool) -> ssl.SSLContext | bool:
    """Return what asyncpg must do to have the same TLS as a libpq connection with these parameters has."""
    if not in_use:
        return False
    mode, root = str(words.get("sslmode") or "prefer"), words.get("sslrootcert")
    verified = mode in ("verify-ca", "verify-full") or bool(root)
    context = ssl.create_default_context(cafile=None if root in (None, "system") else str(root))
    context.check_hostname = mode == "verify-full" or root == "system"
    context.verify_mode = ssl.CERT_REQUIRED if verified else ssl.CERT_NONE
    if words.get("sslcert"):
        context.load_cert_chain(str(words["sslcert"]), str(words["sslkey"]) if words.get("sslkey") else None)
    return context
