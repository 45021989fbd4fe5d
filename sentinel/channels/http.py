"""One HTTP transport per worker process, over pooled connections of a client that is loaded when it is needed.

It says whether a request that failed may have been processed.
"""

from __future__ import annotations

import base64
import json as jsonlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from sentinel.channels.reach import Reach
from sentinel.errors import SentinelError
from sentinel.settings import Settings

if TYPE_CHECKING:
    from sentinel.channels.http_client import HttpClient  # 8 MB, not for who sends nothing over HTTP

BODY_LIMIT = 65_536
"""Bytes of an answer that are read, unless more are asked for; the rest is left in the socket, which is then closed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that has at least a status line. `is_broken`: the body ended too early or came too slowly."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_broken: bool = False

    @property
    def text(self) -> str:
        """The body in letters, whatever it is made of."""
        return self.body.decode("utf-8", errors="replace")

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is anything else (HTML, bytes, a list, nothing)."""
        try:
            value = jsonlib.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Request:
    """A request in its last form."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class TransportError(SentinelError):
    """No answer. `is_ambiguous`: the request was under way, so it may have been processed."""

    def __init__(self, reason: str, *, is_ambiguous: bool) -> None:
        super().__init__(f"no answer from the provider: {reason.replace('_', ' ')}")
        self.reason = reason
        self.is_ambiguous = is_ambiguous


class HttpTransport:
    """Requests over one `HttpClient`, made by the first request in the event loop that serves it.

    With a `reach` it connects to no other addresses; it then leaves it to its user how many requests a host gets.
    """

    def __init__(self, settings: Settings, reach: Reach | None = None) -> None:
        self._settings = settings
        self._reach = reach
        self._client: HttpClient | None = None

    async def post(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, Any] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Reply:
        """Send once and give back the answer, whatever its status; `TransportError` when there is none.

        `json` given as bytes is JSON already: a signature holds for these very bytes.
        """
        body, content_type = _encoded(json, form)
        written = {**(headers or {}), "Content-Type": content_type, **_authorization(auth)}
        return await self._opened().exchange(BODY_LIMIT, method="POST", url=url, data=body, headers=written)

    async def forward(self, request: Request) -> Reply:
        """Send what somebody else has worded, once, as it stands; `TransportError` when there is no answer."""
        head = {"url": request.url, "headers": request.headers, "method": request.method}
        return await self._opened().exchange(BODY_LIMIT, data=request.body, **head)

    async def get(self, url: str, *, auth: tuple[str, str] | None = None, limit: int = BODY_LIMIT) -> Reply:
        """Ask once and give back the answer, up to `limit` bytes of it; `TransportError` when there is none."""
        return await self._opened().exchange(limit, method="GET", url=url, headers=_authorization(auth))

    async def close(self) -> None:
        """Give back all connections; may be called more than once."""
        if self._client is not None:
            await self._client.close()

    def _opened(self) -> HttpClient:
        if self._client is None:
            from sentinel.channels.http_client import HttpClient  # noqa: PLC0415 - docs/decisions/207

            self._client = HttpClient(self._settings, self._reach)
        return self._client


def encoded_json(value: object) -> bytes:
    """JSON as it goes over the wire."""
    return orjson.dumps(value)


def _encoded(json: object, form: Mapping[str, Any] | None) -> tuple[bytes, str]:
    if form is not None:
        return urlencode(form, doseq=True).encode("ascii"), "application/x-www-form-urlencoded"
    return json if isinstance(json, bytes) else encoded_json(json), "application/json"


def _authorization(auth: tuple[str, str] | None) -> dict[str, str]:
    if auth is None:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(':'.join(auth).encode()).decode()}"}
