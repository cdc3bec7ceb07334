"""A real Chromium that opens a page as a person would see it: at a width, light or dark, on paper; spoken to by its DevTools protocol.

Run by hand it takes pictures: ``python tests/process/browser.py PAGE.html FOLDER``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

DESK, PHONE, NARROW = (1440, 900), (390, 844), (375, 667)
DEADLINE_SECONDS = 30.0
_FLAGS = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip


def program() -> str | None:
    """Return the browser's path, None where none is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def _started(executable: str) -> Iterator[str]:
    """Start a browser with an empty profile and yield the address of its DevTools."""
    with tempfile.TemporaryDirectory(prefix="offramp-browser-", ignore_cleanup_errors=True) as profile:
        # Chromium's own sandbox cannot be had as root, which CI is.
        root = ("--no-sandbox",) if os.geteuid() == 0 else ()
        with (Path(profile) / "stderr").open("wb") as errors:
            process = subprocess.Popen(
                [executable, *_FLAGS, *root, f"--user-data-dir={profile}", "about:blank"], stderr=errors, stdout=errors
            )
            try:
                yield asyncio.run(_address(Path(profile), process))
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)


async def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"the browser ended: {(profile / 'stderr').read_text(errors='replace')[-500:]}")
            port = profile / "DevToolsActivePort"
            if port.exists() and len(lines := port.read_text().splitlines()) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            await asyncio.sleep(0.02)


@dataclass
class Seen:
    """What the page did while it was open."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


class Tab:
    """One page in the browser. Commands are sent one at a time; events that arrive meanwhile are kept."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket, self._session, self._number = socket, session, 0
        self.seen = Seen()
        self._events: list[str] = []

    async def send(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json(
            {"id": self._number, "sessionId": self._session, "method": method, "params": parameters}
        )
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                message = await self._next()
                if message.get("id") == self._number:
                    if "error" in message:
                        raise RuntimeError(f"{method}: {message['error']}")
                    return dict(message["result"])

    async def open(self, url: str) -> None:
        """Go there and wait until it is loaded."""
        self._events.clear()
        await self.send("Page.navigate", url=url)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while "Page.loadEventFired" not in self._events:
                await self._next()

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression, the last word of a page that has no script of its own."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def resize(self, size: tuple[int, int]) -> None:
        width, height = size
        mobile = width < 600
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if mobile else 1,
            mobile=mobile,
        )

    async def dark(self, on: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if on else "light"}
        await self.send("Emulation.setEmulatedMedia", media="", features=[scheme])

    async def picture(self, path: Path, *, whole: bool = False) -> None:
        taken = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(taken["data"]))

    async def pdf(self) -> bytes:
        printed = await self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(printed["data"])

    async def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads((await self._socket.receive()).data)
        method, parameters = message.get("method", ""), message.get("params", {})
        self._events.append(method)
        if method == "Network.requestWillBeSent":
            self.seen.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.seen.complaints.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.seen.complaints.append(parameters["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.seen.complaints.append(str(parameters["args"]))
        return message


@asynccontextmanager
async def _tab(address: str) -> AsyncIterator[Tab]:
    async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
        # The browser itself is spoken to without a session.
        await socket.send_json({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}})
        target = (await _answer(socket, 1))["targetId"]
        await socket.send_json(
            {"id": 2, "method": "Target.attachToTarget", "params": {"targetId": target, "flatten": True}}
        )
        tab = Tab(socket, (await _answer(socket, 2))["sessionId"])
        for domain in ("Page", "Network", "Runtime", "Log"):
            await tab.send(f"{domain}.enable")
        yield tab


async def _answer(socket: aiohttp.ClientWebSocketResponse, number: int) -> dict[str, Any]:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            message = json.loads((await socket.receive()).data)
            if message.get("id") == number:
                return dict(message["result"])


@contextmanager
def chromium() -> Iterator[str]:
    """Start a browser and yield its address for ``visit``. Raises LookupError where no browser is installed."""
    executable = program()
    if executable is None:
        raise LookupError("there is no Chromium here: install Debian's package chromium")
    with _started(executable) as address:
        yield address


@asynccontextmanager
async def visit(address: str, page: Path, size: tuple[int, int] = DESK, *, dark: bool = False) -> AsyncIterator[Tab]:
    """Open a file in a new tab of this size."""
    async with _tab(address) as tab:
        await tab.resize(size)
        await tab.dark(dark)
        await tab.open(page.resolve().as_uri())
        yield tab


async def _pictures(address: str, page: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, size in (("desk", DESK), ("phone", PHONE)):
        for dark in (False, True):
            async with visit(address, page, size, dark=dark) as tab:
                stem = f"{name}-{'dark' if dark else 'light'}"
                await tab.picture(folder / f"{stem}-first.png")
                height = int(await tab.evaluate("Math.ceil(document.documentElement.scrollHeight)"))
                # In pieces, since one picture of a whole report is too long to be looked at.
                for number, top in enumerate(range(0, height, size[1] * 2)):
                    await tab.resize((size[0], size[1] * 2))
                    await tab.evaluate(
                        f"document.documentElement.style.scrollBehavior='auto'; window.scrollTo(0, {top})"
                    )
                    await tab.picture(folder / f"{stem}-{number:02}.png")
    async with visit(address, page) as tab:
        (folder / "paper.pdf").write_bytes(await tab.pdf())


if __name__ == "__main__":
    with chromium() as started:
        asyncio.run(_pictures(started, Path(sys.argv[1]), Path(sys.argv[2])))
