"""Requests that came through proxies: who asked, how and by which name, as the proxies we trust say, and nobody else.

Werkzeug's ProxyFix counts how many proxies there are and believes each peer; here peers are known by their networks:
docs/decisions/206-proxies-are-known-by-their-networks.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from sentinel.origins import Address, read_address
from sentinel.settings import Network

Networks = tuple[Network, ...]

SCHEMES = ("http", "https")


def behind_proxies(application: WSGIApplication, trusted: Networks) -> WSGIApplication:
    """Show `application` the visitor where the peer is a trusted proxy; it sees all other requests as they came."""

    def seen_through(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        peer = address_of(environ.get("REMOTE_ADDR", ""))
        if peer is not None and _is_in(peer, trusted):
            environ.update(_as_told(environ, peer, trusted))
        return application(environ, start_response)

    return seen_through


def visitor_of(peer: Address, header: str, trusted: Networks) -> Address:
    """From right to left through X-Forwarded-For, the first address that is no trusted proxy.

    Each one was written down by the proxy to its right. What cannot be read ends the search: nobody vouches for what
    stands left of it.
    """
    found = peer
    for text in reversed(header.split(",")):
        hop = address_of(text) if _is_in(found, trusted) else None
        if hop is None:
            break
        found = hop
    return found


def address_of(text: str) -> Address | None:
    """An address as proxies write it, with or without a port; None for everything else."""
    text = text.strip()
    if text.startswith("["):
        host, closing, port = text[1:].partition("]")
        is_whole = bool(closing) and (not port or _is_port(port))
        return read_address(host) if is_whole else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return read_address(host) if _is_port(f":{port}") else None
    return read_address(text)


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdigit()


def _is_in(address: Address, networks: Networks) -> bool:
    return any(address in each for each in networks)


def _as_told(environ: WSGIEnvironment, peer: Address, trusted: Networks) -> dict[str, str]:
    """What a trusted proxy says of a request, in the words of WSGI."""
    told = {"REMOTE_ADDR": str(visitor_of(peer, environ.get("HTTP_X_FORWARDED_FOR", ""), trusted))}
    scheme, host = _last(environ, "HTTP_X_FORWARDED_PROTO").lower(), _last(environ, "HTTP_X_FORWARDED_HOST")
    if scheme in SCHEMES:
        told["wsgi.url_scheme"] = scheme
    if host:  # judged as any Host is, by Werkzeug
        told["HTTP_HOST"] = host
    return told


def _last(environ: WSGIEnvironment, name: str) -> str:
    """What the nearest proxy wrote, where several did."""
    value: str = environ.get(name, "")
    return value.rpartition(",")[2].strip()
