"""The bell on a real Redis: one part-filled chain at a time, and never a reason to stand still."""

from __future__ import annotations

import redis

from sentinel.bell import Bell, get_bell
from sentinel.embedded.servers import Servers


def test_it_rings_once_until_it_is_quieted(servers: Servers) -> None:
    bell = get_bell()

    assert bell.ring("sms")
    assert not bell.ring("sms")
    assert bell.ring("email")
    bell.quiet("sms")
    assert bell.ring("sms")


def test_it_falls_silent_by_itself_when_its_chain_is_lost(servers: Servers) -> None:
    with redis.Redis.from_url(servers.redis_url) as store:
        Bell(store, longest_ms=60_000).ring("sms")

        assert 0 < store.pttl("sentinel:bell:sms") <= 60_000


def test_without_redis_chains_leave_at_once() -> None:
    bell = Bell(redis.Redis.from_url("redis://127.0.0.1:1"), longest_ms=1000)

    assert bell.ring("sms")
    assert bell.ring("sms")
    bell.quiet("sms")
