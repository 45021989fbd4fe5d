"""A real browser, steered over its DevTools protocol: keys are pressed as people press them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
KEYS = {"Tab": (9, ""), "Enter": (13, "\r")}
WAIT_SECONDS = 20.0


class Page:
    """One page of the browser. `requests` are the addresses it asked for, `complaints` what its console said."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: ClientWebSocketResponse) -> None:
        self._loop = loop
        self._socket = socket
        self._number = 0
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def open(self, url: str) -> None:
        """Go to an address and wait until all of it is there."""
        self.command("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, expression: str) -> Any:
        """What an expression is worth on the page as it stands; None while there is no page."""
        return (
            self.command("Runtime.evaluate", expression=expression, returnByValue=True).get("result", {}).get("value")
        )

    def until(self, expression: str) -> None:
        """Wait for an expression to become true."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not self.evaluate(expression):
            if time.monotonic() > deadline:
                shown = self.evaluate("location.href + ' ' + document.body.innerText")
                raise AssertionError(f"{expression} is not so after {WAIT_SECONDS} s on {shown}")
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press a named key and let it go."""
        code, text = KEYS[key]
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.command("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **event, text=text)
        self.command("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text: str) -> None:
        """Type letter by letter into whatever has the focus."""
        for letter in text:
            self.command("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
            self.command("Input.dispatchKeyEvent", type="keyUp", key=letter)

    def resize(self, width: int, height: int) -> None:
        """Look through a window of this size."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)

    def prefer(self, scheme: str) -> None:
        """Have the system prefer `light` or `dark`."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give the browser an order and wait for its answer; noting what it tells meanwhile."""
        return self._loop.run_until_complete(asyncio.wait_for(self._ask(method, parameters), WAIT_SECONDS))

    async def _ask(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            heard: dict[str, Any] = await self._socket.receive_json()
            if heard.get("id") == self._number:
                answer: dict[str, Any] = heard.get("result", {})
                return answer
            self._note(heard.get("method", ""), heard.get("params", {}))

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(str(told))


@contextmanager
def opened_page(profile: Path) -> Iterator[Page]:
    """A page of a browser that is started for it and ended after it."""
    # As root Chromium refuses its sandbox; the pages are our own.
    unboxed = ["--no-sandbox"] if os.geteuid() == 0 else []
    options = [*QUIET, *unboxed, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
    command = [str(CHROMIUM), "--headless", "--disable-gpu", "--disable-quic", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        loop = asyncio.new_event_loop()
        try:
            yield from _connected(loop, _debugging_port(profile))
        finally:
            loop.close()
            process.terminate()
            process.wait(timeout=WAIT_SECONDS)


def _connected(loop: asyncio.AbstractEventLoop, port: int) -> Iterator[Page]:
    session = loop.run_until_complete(_session())
    run: Callable[[Any], Any] = loop.run_until_complete
    try:
        socket = run(_socket(session, port))
        page = Page(loop, socket)
        for domain in ("Page", "Network", "Log", "Runtime"):
            page.command(f"{domain}.enable")
        page.command("Emulation.setFocusEmulationEnabled", enabled=True)
        yield page
        run(socket.close())
    finally:
        run(session.close())


async def _session() -> ClientSession:
    return ClientSession()


async def _socket(session: ClientSession, port: int) -> ClientWebSocketResponse:
    async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
        pages = [each for each in await answer.json() if each["type"] == "page"]
    return await session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0)


def _debugging_port(profile: Path) -> int:
    """The port that the browser chose; it writes it down once it listens."""
    deadline = time.monotonic() + WAIT_SECONDS
    file = profile / "DevToolsActivePort"
    while not (file.exists() and file.read_text()):
        if time.monotonic() > deadline:
            raise AssertionError("the browser did not start")
        time.sleep(0.05)
    return int(file.read_text().splitlines()[0])
