"""aiohttp as this process uses it: pooled connections, deadlines, and what each failure means.

A room of its own: it takes 8 MB, and workers of the inbox, the sandbox and SMTP never ask for it. docs/decisions/207
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import aiohttp
from yarl import URL

from sentinel.channels.http import Reply, TransportError
from sentinel.channels.reach import ForbiddenAddressError, Reach
from sentinel.channels.resolver import ReachResolver
from sentinel.channels.tls import trusting_context
from sentinel.settings import Settings

_CHUNK = 16_384
_KEEPALIVE_SECONDS = 15.0  # load balancers of providers close idle connections after 60 s or more
_KNOWN_URLS = 10_000  # taking one apart costs a tenth of a send


@dataclass(slots=True)
class _Exchange:
    """How far one request came, and how much of its answer is wanted."""

    limit: int
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


class HttpClient:
    """One `aiohttp.ClientSession`; made within the event loop that it serves."""

    def __init__(self, settings: Settings, reach: Reach | None) -> None:
        self._session = _session(settings, reach)

    async def exchange(self, limit: int, **request: Any) -> Reply:
        """Send once and give back up to `limit` bytes of the answer; `TransportError` when there is none."""
        exchange = _Exchange(limit)
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

    async def close(self) -> None:
        """Give back all connections; may be called more than once."""
        await self._session.close()

    async def _run(self, exchange: _Exchange, *, url: str, **request: Any) -> None:
        # No redirects: a redirected POST becomes a GET that "succeeds".
        exchange.response = await self._session.request(url=_parsed(url), allow_redirects=False, **request)
        async for chunk in exchange.response.content.iter_chunked(_CHUNK):
            exchange.body += chunk
            if len(exchange.body) >= exchange.limit:
                return


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
