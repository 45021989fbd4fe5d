"""How often one may ask: by API key, without one by address. Counted before anything of the request is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import redis
from flask import Flask, Response, g, request
from limits import RateLimitItem, parse_many

from sentinel import metrics
from sentinel.api.auth import presented_key
from sentinel.api.blueprints import outermost
from sentinel.api.errors import error_response
from sentinel.api.parsing import SENDERS, TICKET_LINKS
from sentinel.logs import get_logger
from sentinel.origins import origin_of
from sentinel.security import key_hash
from sentinel.services.grouping import Group
from sentinel.settings import NO_RATE, Settings
from sentinel.store import Script

log = get_logger(__name__)

FREE = frozenset({"health", "pages", "api-docs", "callbacks", "console", "bootstrap"})
"""Blueprints without limits: a probe must not fail because others are busy, providers come with signatures.

The console has a limit of its own for passwords.
"""

WITHOUT_RATE = frozenset({"metrics"})
"""Blueprints that may be asked as often as one likes, but not with one wrong secret after the other."""

KEYLESS = SENDERS | {TICKET_LINKS}
"""Blueprints that look at no key in a header: an invented one must not bring a rate of its own."""

PREFIX = "sentinel:api"
KNOWN_SECONDS = 3600
"""How long a key that worked is told from a guess."""

MOST_AT_ONCE = 100
"""Most questions of one round trip: requests that come at the same moment are asked about together."""

REST_SECONDS = 2.0
"""How long nothing is asked of a Redis that did not answer: requests must not wait for it one after the other."""

# First who guesses: an address that showed many different wrong keys is answered nothing, unless this key is known to
# work, for many may stand behind one proxy. Then the rates; what one of them stops counts against none.
ASK = Script("""
    local is_known = redis.call('EXISTS', KEYS[2])
    local most_wrong = tonumber(ARGV[1])
    if most_wrong > 0 and is_known == 0 and redis.call('SCARD', KEYS[1]) >= most_wrong then
        return {0, is_known, redis.call('PTTL', KEYS[1])}
    end
    local is_within = 1
    for i = 3, #KEYS do
        if tonumber(redis.call('GET', KEYS[i]) or 0) >= tonumber(ARGV[2 * i - 4]) then is_within = 0 end
    end
    local answer = {is_within, is_known, 0}
    for i = 3, #KEYS do
        local used = tonumber(redis.call('GET', KEYS[i]) or 0)
        if is_within == 1 then
            used = redis.call('INCR', KEYS[i])
            if used == 1 then redis.call('PEXPIRE', KEYS[i], ARGV[2 * i - 3]) end
        end
        answer[#answer + 1] = used
        answer[#answer + 1] = redis.call('PTTL', KEYS[i])
    end
    return answer
""")

REMEMBER_KNOWN = Script("redis.call('SET', KEYS[1], 1, 'EX', ARGV[1])")

REMEMBER_WRONG = Script("""
    redis.call('SADD', KEYS[1], ARGV[1])
    if redis.call('SCARD', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
""")


@dataclass(frozen=True, slots=True)
class Share:
    """What is left of one rate, and in how many seconds all of it is there again."""

    rate: RateLimitItem
    remaining: int
    reset_seconds: int

    @property
    def headers(self) -> dict[str, str]:
        """As the IETF's draft of RateLimit header fields names them."""
        return {
            "RateLimit-Limit": str(self.rate.amount),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as far as it is known without the database: a key's hash, and where the request comes from."""

    key: str | None
    origin: str

    @property
    def bucket(self) -> str:
        """What the rates count by."""
        return f"{PREFIX}:key:{self.key}" if self.key else f"{PREFIX}:from:{self.origin}"

    @property
    def wrong(self) -> str:
        """Where the wrong keys of this origin are kept."""
        return f"{PREFIX}:wrong:{self.origin}"

    @property
    def known(self) -> str:
        """What says that this key worked."""
        return f"{PREFIX}:known:{self.key}"


class Throttle:
    """The limits of one application; without Redis everything is let through, and counted."""

    def __init__(self, settings: Settings) -> None:
        self._rates = rates_of(settings.api_rate)
        self._windows = [f":{rate.get_expiry()}" for rate in self._rates]
        self._amounts = [part for rate in self._rates for part in (rate.amount, rate.get_expiry() * 1000)]
        self._wrong_rate = next(iter(rates_of(settings.api_failure_rate)), None)
        self._asleep_until = 0.0
        self._questions = Group(ASK.run, most=MOST_AT_ONCE, of_all=(redis.RedisError,))

    def install(self, app: Flask) -> None:
        """Stand before everything else that looks at a request."""
        app.before_request(self._check)
        app.after_request(self._finish)

    def _check(self) -> Response | None:
        if outermost() in FREE:
            return None
        asker = g.asker = _asker()
        is_rated = bool(self._rates) and request.blueprint not in WITHOUT_RATE
        most_wrong = self._wrong_rate.amount if self._wrong_rate and asker.key else 0
        if not is_rated and not most_wrong:
            return None
        buckets = [asker.bucket + window for window in self._windows] if is_rated else []
        amounts = self._amounts if is_rated else []
        question = ([asker.wrong, asker.known, *buckets], [most_wrong, *amounts])
        answer = self._asked(lambda: self._questions.do(question))
        return None if answer is None else self._judge(answer, self._rates if is_rated else ())

    def _judge(self, answer: list[int], rates: tuple[RateLimitItem, ...]) -> Response | None:
        is_within, g.is_known_key, guess_ms, *used = answer
        if guess_ms:
            return _too_many("Too many different API keys from this address were refused.", _seconds(guess_ms))
        shares = [
            Share(rate, max(0, rate.amount - count), _seconds(left))
            for rate, count, left in zip(rates, used[::2], used[1::2], strict=True)
        ]
        if shares:
            g.share = min(shares, key=lambda share: (share.remaining, -share.reset_seconds))
        if is_within:
            return None
        who = "This API key" if g.asker.key else "This address"
        return _too_many(f"{who} has made its {g.share.rate} requests.", g.share.reset_seconds)

    def _finish(self, response: Response) -> Response:
        asker: Asker | None = g.get("asker")
        if asker and asker.key:
            if g.get("has_valid_key") and not g.get("is_known_key"):
                self._asked(lambda: REMEMBER_KNOWN([asker.known], [KNOWN_SECONDS]))
            elif response.status_code == HTTPStatus.UNAUTHORIZED and self._wrong_rate:
                arguments: list[str | int] = [asker.key, self._wrong_rate.get_expiry() * 1000]
                self._asked(lambda: REMEMBER_WRONG([asker.wrong], arguments))
        if "share" in g:
            response.headers.extend(g.share.headers)
        return response

    def _asked(self, ask: Callable[[], list[int] | None]) -> list[int] | None:
        """Ask Redis once; None when it does not answer, or did not a moment ago."""
        if time.monotonic() >= self._asleep_until:
            try:
                return ask() or []
            except redis.RedisError as error:
                self._asleep_until = time.monotonic() + REST_SECONDS
                log.warning("api_throttle_down", error=type(error).__name__)
        metrics.count("api_unthrottled_total")
        return None


def rates_of(text: str) -> tuple[RateLimitItem, ...]:
    """Read what SENTINEL_API_RATE says; `none` means no limit."""
    return () if text == NO_RATE else tuple(parse_many(text))


def _asker() -> Asker:
    shown = None if request.blueprint in KEYLESS else presented_key()
    return Asker(None if shown is None else key_hash(shown).hex(), origin_of(request.remote_addr))


def _seconds(milliseconds: int) -> int:
    return max(1, -(-milliseconds // 1000))


def _too_many(message: str, seconds: int) -> Response:
    metrics.count("api_throttled_total")
    response = error_response(HTTPStatus.TOO_MANY_REQUESTS, f"{message} Ask again in {seconds} s.")
    response.headers["Retry-After"] = str(seconds)
    return response
