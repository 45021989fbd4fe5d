"""Whole processes that say all they can: no recipient, text, key or secret in any log, queue or command's output."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import requests

from sentinel.embedded.servers import Servers
from sentinel.stand_ins import API_KEY, AUTH_TOKEN, ProviderProcess, refused
from tests.collector import Collector, collecting
from tests.integration.calls import bearer
from tests.rows import count_statuses, have_ended
from tests.system import System, eventually

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("redaction")]

NUMBER, MAIL, TEXT, SECRET = "4155550177", "private.person@example.com", "a private text", "whsec_" + "c2VjcmV0" * 4
MESSAGES = [
    {"channel": "sms", "recipient": f"+1{NUMBER}", "body": TEXT},
    {"channel": "sms", "recipient": f"+1{NUMBER}", "body": TEXT, "dedupe_key": "private-key"},
    {"channel": "email", "recipient": MAIL, "subject": TEXT, "body": TEXT, "user_id": "private-user"},
    {"channel": "webhook", "recipient": "https://127-0-0-1.example.invalid/private-path", "body": TEXT},
    {"channel": "push", "recipient": "gotifys://127-0-0-1.example.invalid/private-token", "body": TEXT},
]
PRIVATE = [
    NUMBER,
    MAIL,
    "private.person",
    TEXT,
    "private-key",
    "private-user",
    "private-path",
    "private-token",
    "private_field",
]
SECRETS = [AUTH_TOKEN, API_KEY, SECRET]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def test_nothing_private_is_said_at_debug_level(
    system: System, ledger: ProviderProcess, servers: Servers, collector: Collector
) -> None:
    system.environment |= {
        "SENTINEL_LOG_LEVEL": "debug",
        "SENTINEL_MAX_ATTEMPTS": "2",
        "SENTINEL_PUSH_PROVIDER": "apprise",
    }
    system.environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    ledger.script(refused(500), refused(400))
    system.start_api()
    key = bearer("mine")["Authorization"]
    headers = {"Authorization": key}

    for message in MESSAGES:
        found = requests.post(f"{system.url}/notifications", json=message, headers=headers, timeout=10)
        assert found.status_code == 202, found.text
    hook = {"channel": "webhook", "target": "https://example.com/private-path", "secret": SECRET}
    assert requests.post(f"{system.url}/endpoints", json=hook, headers=headers, timeout=10).status_code == 201
    event = {"type": "x", "private_field": TEXT, "user_id": "private-user"}
    assert requests.post(f"{system.url}/events", json=event, headers=headers, timeout=10).status_code == 202
    requests.post(
        f"{system.url}/notifications", json={"channel": "sms", "recipient": MAIL}, headers=headers, timeout=10
    )
    queued = _everything_in(servers.redis_url)
    system.start_everything()
    eventually(have_ended, seconds=60, message=lambda: f"all to end: {count_statuses()}")
    said = [system.run(*command, check=False) for command in (["doctor"], ["config", "show"], ["keys", "list"])]
    system.stop_all()

    logs = {path.name: path.read_text(errors="replace") for path in system.folder.glob("*.log")}
    assert len(logs) >= 5
    assert any('"debug"' in text or "debug" in text.lower() for text in logs.values())
    whole = "\n".join([*logs.values(), *(each.stdout + each.stderr for each in said)])
    for word in [*PRIVATE, *SECRETS, key.removeprefix("Bearer ")]:
        assert word not in whole, (word, [name for name, text in logs.items() if word in text])
        assert word.encode() not in queued, word
        assert word.encode() not in collector.raw, word
    assert collector.named("send email")


def _everything_in(url: str) -> bytes:
    """Whatever Redis holds within some moments after the requests: messages, limits, counters, caches."""
    found: set[bytes] = set()
    with redis.Redis.from_url(url) as store:
        for _ in range(20):
            for name in store.scan_iter("*"):
                found |= {name, *_parts(store, name)}
            time.sleep(0.05)
    messages = [each for each in found if each.startswith(b'{"body"')]
    assert messages, "the broker had nothing to look at"
    return b"\n".join([*found, *(base64.b64decode(json.loads(each)["body"]) for each in messages)])


def _parts(store: redis.Redis, name: bytes) -> list[bytes]:
    """What a key holds, in clear."""
    readers: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: [store.get(name)],
        b"list": lambda: store.lrange(name, 0, -1),
        b"set": lambda: store.smembers(name),
        b"zset": lambda: store.zrange(name, 0, -1),
        b"hash": lambda: [part for pair in store.hgetall(name).items() for part in pair],  # type: ignore[union-attr,arg-type]
    }
    read = readers.get(store.type(name))  # type: ignore[arg-type]
    return [part for part in (read() if read else []) if part]
