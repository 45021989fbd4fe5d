"""One pooled HTTP transport per worker process. It says whether a request that failed may have been processed."""

from __future__ import annotations

import base64
import json as jsonlib
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from yarl import URL

from sentinel.channels.reach import ForbiddenAddressError, Reach
from sentinel.channels.resolver import ReachResolver
from sentinel.channels.tls import trusting_context
from sentinel.errors import SentinelError
from sentinel.settings import Settings

BODY_LIMIT = 65_536
"""Bytes of an answer that are read, unless more are asked for; the rest is left in the socket, which is then closed."""

_CHUNK = 16_384
_KEEPALIVE_SECONDS = 15.0  # load balancers of providers close idle connections after 60 s or more
_KNOWN_URLS = 10_000  # taking one apart costs a tenth of a send


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


@dataclass(slots=True)
class _Exchange:
    """How far one request came, and how much of its answer is wanted."""

    limit: int = BODY_LIMIT
    has_begun: bool = False
    response: aiohttp.ClientResponse | None = None
    body: bytearray = field(default_factory=bytearray)


# Each send is a task of its own, so each has its own.
_current: ContextVar[_Exchange] = ContextVar("exchange")


class _Connector(aiohttp.TCPConnector):
    """Notes when a request gets its connection: from then on it may have been processed.

    A trace of aiohttp would tell the same for twelve times the price.
    """

    async def connect(self, *arguments: Any, **named: Any) -> Any:
        """Connect, or take a connection that was kept; the request is written without another wait."""
        connection = await super().connect(*arguments, **named)
        _current.get().has_begun = True
        return connection


# The first class that fits names the reason; subclasses stand before their parents.
_BEFORE_REQUEST: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.InvalidURL, "invalid_url"),
    (aiohttp.ClientConnectorDNSError, "dns_failure"),
    (aiohttp.ConnectionTimeoutError, "connect_timeout"),
    (aiohttp.ClientConnectorCertificateError, "tls_certificate"),
    (aiohttp.ClientConnectorSSLError, "tls_failure"),
    (aiohttp.ClientConnectorError, "connection_failed"),
    (TimeoutError, "deadline_before_request"),
)
_AFTER_REQUEST: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.SocketTimeoutError, "read_timeout"),
    (TimeoutError, "deadline_passed"),
    (aiohttp.ClientConnectionError, "connection_reset"),
    (OSError, "connection_reset"),
    (BaseException, "malformed_answer"),
)


class HttpTransport:
    """Requests over one `aiohttp.ClientSession`, opened by the first request in the event loop that serves it.

    With a `reach` it connects to no other addresses; it then leaves it to its user how many requests a host gets.
    """

    def __init__(self, settings: Settings, reach: Reach | None = None) -> None:
        self._settings = settings
        self._reach = reach
        self._session: aiohttp.ClientSession | None = None

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
        return await self._exchange(_Exchange(), method="POST", url=url, data=body, headers=written)

    async def forward(self, request: Request) -> Reply:
        """Send what somebody else has worded, once, as it stands; `TransportError` when there is no answer."""
        head = {"url": request.url, "headers": request.headers, "method": request.method}
        return await self._exchange(_Exchange(), data=request.body, **head)

    async def get(self, url: str, *, auth: tuple[str, str] | None = None, limit: int = BODY_LIMIT) -> Reply:
        """Ask once and give back the answer, up to `limit` bytes of it; `TransportError` when there is none."""
        return await self._exchange(_Exchange(limit), method="GET", url=url, headers=_authorization(auth))

    async def close(self) -> None:
        """Give back all connections; may be called more than once."""
        if self._session is not None:
            await self._session.close()

    async def _exchange(self, exchange: _Exchange, **request: Any) -> Reply:
        error: BaseException | None = None
        _current.set(exchange)
        try:
            await self._run(exchange, **request)
        except (aiohttp.ClientError, OSError) as trouble:
            error = trouble
        finally:
            if exchange.response is not None:
                exchange.response.close()  # does nothing when the body was read to its end
        return _settled(exchange, error)

    async def _run(self, exchange: _Exchange, *, url: str, **request: Any) -> None:
        # No redirects: a redirected POST becomes a GET that "succeeds".
        exchange.response = await self._opened().request(url=_parsed(url), allow_redirects=False, **request)
        async for chunk in exchange.response.content.iter_chunked(_CHUNK):
            exchange.body += chunk
            if len(exchange.body) >= exchange.limit:
                return

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = _session(self._settings, self._reach)
        return self._session


def _session(settings: Settings, reach: Reach | None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=_Connector(
            limit=0,
            limit_per_host=0 if reach else settings.provider_concurrency,
            resolver=ReachResolver(reach) if reach else None,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            ssl=trusting_context(),
        ),
        timeout=aiohttp.ClientTimeout(
            # The wall around everything: the timeouts inside start again with each byte that arrives.
            total=settings.send_deadline_seconds,
            sock_connect=settings.connect_timeout_seconds,
            sock_read=settings.read_timeout_seconds,
        ),
        headers={"Accept-Encoding": "identity"},
        auto_decompress=False,  # an answer is short; a compressed one could be endless
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


@lru_cache(maxsize=_KNOWN_URLS)
def _parsed(url: str) -> URL | str:
    """The URL taken apart; one that is none stays as it is, for aiohttp to say so."""
    try:
        return URL(url)
    except ValueError:
        return url


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


def _settled(exchange: _Exchange, error: BaseException | None) -> Reply:
    """The answer as far as it came; without a status line it is a `TransportError`."""
    if exchange.response is None:
        # `from None`: aiohttp's errors carry the request with its credentials.
        raise TransportError(_reason(error, exchange), is_ambiguous=exchange.has_begun) from None
    head, body = exchange.response, bytes(exchange.body[: exchange.limit])
    return Reply(head.status, head.headers, body, is_broken=error is not None)


def _reason(error: BaseException | None, exchange: _Exchange) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError):
        return "connection_refused"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ForbiddenAddressError):
        return "forbidden_address"
    names = _AFTER_REQUEST if exchange.has_begun else _BEFORE_REQUEST
    return next((reason for kind, reason in names if isinstance(error, kind)), "connection_failed")
