"""The Redis connection of this process, for what counts and caches: never for what must not be lost."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from typing import Any

import redis
from redis.exceptions import NoScriptError

from sentinel.once import Once
from sentinel.settings import get_settings


@Once
def get_store() -> redis.Redis:
    """Return the pool of this process; redis-py opens connections of its own after a fork."""
    url = get_settings().redis_url.get_secret_value()
    if not url:
        raise redis.ConnectionError("REDIS_URL is not set")
    return redis.Redis.from_url(url, socket_timeout=1.0, socket_connect_timeout=1.0)


class Script:
    """A Lua script, asked on a connection that each thread keeps.

    The client's own way to a script takes a connection out of a pool, looks whether it still lives and gives it back,
    with a policy of retries around it: twice the CPU, for one question of each request.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Run the script once."""
        return self.run([(keys, arguments)])[0]

    def run(self, calls: Sequence[tuple[Sequence[str], Sequence[str | int]]]) -> list[Any]:
        """Run the script for each (keys, arguments), in one round trip; returns the answers, in order."""
        line = _line()
        values = [(len(keys), *keys, *arguments) for keys, arguments in calls]
        answers = line.ask([("EVALSHA", self._sha, *each) for each in values])
        if any(isinstance(answer, NoScriptError) for answer in answers):
            # A Redis that was restarted knows it no more; what it refused was not done.
            answers = [
                line.ask([("EVAL", self._text, *each)])[0] if isinstance(answer, NoScriptError) else answer
                for answer, each in zip(answers, values, strict=True)
            ]
        for answer in answers:
            if isinstance(answer, redis.RedisError):
                raise answer
        return answers


class _Line:
    """One thread's connection to the Redis of `pool`."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self._connection = pool.make_connection()
        self._has_worked = False

    def ask(self, commands: Sequence[tuple[str | int, ...]]) -> list[Any]:
        """Run commands in one round trip; an answer may be an error.

        A connection that has worked may have been closed since: then once more on a new one.
        """
        try:
            return self._answers(commands)
        except redis.ConnectionError:
            if not self._has_worked:
                raise
            self._has_worked = False
            self._connection.disconnect()
            return self._answers(commands)

    def _answers(self, commands: Sequence[tuple[str | int, ...]]) -> list[Any]:
        self._connection.send_packed_command(self._connection.pack_commands(commands))
        answers = [self._answer() for _ in commands]
        self._has_worked = True
        return answers

    def _answer(self) -> Any:
        try:
            return self._connection.read_response()
        except redis.ResponseError as error:
            return error


_kept = threading.local()


def _line() -> _Line:
    pool = get_store().connection_pool
    line: _Line | None = getattr(_kept, "line", None)
    if line is None or line.pool is not pool:
        line = _kept.line = _Line(pool)
    return line
