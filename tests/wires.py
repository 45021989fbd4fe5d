"""A way to a server that a test can look at and cut."""

from __future__ import annotations

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from urllib.parse import urlsplit

from sentinel.stand_ins import stop_listening


class Wire:
    """A proxy before PostgreSQL that can stop passing bytes on: both kernels still answer, nobody else does."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self.said = 0
        """Messages that clients have sent; one that waits for its answer says nothing else meanwhile."""
        self._held: list[object] = []  # the loop itself holds its tasks weakly
        self._flows = asyncio.Event()
        self._flows.set()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._connect, "127.0.0.1", 0))
        port: int = self._server.sockets[0].getsockname()[1]
        self.url = url.replace(f":{parts.port}/", f":{port}/")
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def stall(self) -> None:
        """Pass nothing on from now on."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def flow(self) -> None:
        """Pass on what has waited, and all that comes."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def close(self) -> None:
        """Close every connection; nothing of it outlives a test."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        await stop_listening(self._server)
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.sleep(0)  # cancelled before it begins, a task would not close its connection
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _connect(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._held.append(asyncio.current_task())
        ends = [writer]
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
            ends.append(server_writer)
            await asyncio.gather(self._pump(reader, server_writer, weight=1), self._pump(server_reader, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass  # an end like any other
        finally:
            for each in ends:
                each.transport.abort()

    async def _pump(self, reader: StreamReader, writer: StreamWriter, *, weight: int = 0) -> None:
        while data := await reader.read(65536):
            self.said += weight
            await self._flows.wait()
            writer.write(data)
        writer.write_eof()
