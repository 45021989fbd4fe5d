"""The end of listening, without a connection that nobody closes."""

from __future__ import annotations

import asyncio


async def stop_listening(server: asyncio.Server) -> None:
    """Take no more connections; those that were accepted a moment ago have begun when this returns.

    A server that is closed first refuses them as they begin, and leaves their sockets open (CPython 3.11,
    `asyncio.Server._attach`).
    """
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener.fileno())
    await asyncio.sleep(0)
    server.close()
