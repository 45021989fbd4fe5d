"""Demo data: many clients with many rules and endpoints, to see and to measure the engine with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from sentinel.channels.registry import provider_name
from sentinel.errors import ConflictError
from sentinel.queries import clients, demo
from sentinel.queries import rules as rule_queries
from sentinel.rules.parser import parse
from sentinel.rules.serialise import dump
from sentinel.rules.shorthand import shorthand
from sentinel.rules.syntax import ENDPOINT, EVERY_ENDPOINT, Notify
from sentinel.sealing import seal
from sentinel.security import new_webhook_secret
from sentinel.services.access.clients import OPERATOR
from sentinel.services.unit_of_work import UnitOfWork
from sentinel.settings import get_settings

PREFIX = "demo-"
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
SOURCES = ("api", "db", "cache", "monitor", "queue", "worker", "frontend", "backend")
NAMES = ("timeout", "error", "crash", "slow", "memory", "cpu", "disk", "network", "auth")
RULES_EACH = len(SEVERITIES) * len(SOURCES) * len(NAMES)

DOMAIN = "demo.example"
"""Reserved for examples (RFC 2606): nothing that is sent there can reach anybody."""

ACTIONS = (Notify(ENDPOINT, EVERY_ENDPOINT),)


def check_harmless() -> None:
    """Refuse to make data whose messages would leave this machine."""
    settings = get_settings()
    for channel in ("email", "webhook"):
        provider = provider_name(channel, settings)
        if provider not in (None, "sandbox"):
            raise ConflictError(
                f"{channel} is served by {provider}, so demo messages would leave this machine; "
                f"set SENTINEL_{channel.upper()}_PROVIDER=sandbox, or use another installation"
            )


def existing(uow: UnitOfWork) -> int:
    """How many demo clients there are already."""
    return demo.count_clients(uow.session, PREFIX)


def delete(uow: UnitOfWork) -> None:
    """Delete the demo clients' rules and endpoints; the clients stay, for what they were sent stays too."""
    demo.delete_rules(uow.session, PREFIX)


def rule_rows() -> list[dict[str, Any]]:
    """The rules that every demo client gets: each severity, source and name once."""
    rows = []
    for severity, source, name in product(SEVERITIES, SOURCES, NAMES):
        text = shorthand(severity, source, name, actions=ACTIONS)
        rows.append({"name": f"{severity}/{source}/{name}", "text": text, "syntax": dump(parse(text))})
    return rows


def make(uow: UnitOfWork, count: int, *, rules: Sequence[dict[str, Any]], has_webhooks: bool) -> Iterator[str]:
    """Make clients one after the other, each with its rules and two endpoints per rule; yields their names."""
    for number in range(1, count + 1):
        name = f"{PREFIX}{number:03d}"
        client = clients.ensure(uow.session, name, now=uow.now)
        rows = [{**rule, "client_id": client.id, "is_enabled": True, "is_scanned": False} for rule in rules]
        rule_queries.insert(uow.session, rows, changed_by=OPERATOR, now=uow.now)
        own = demo.Belongings(name, DOMAIN, seal(new_webhook_secret()), has_webhooks)
        demo.insert_endpoints(uow.session, client.id, own, now=uow.now)
        yield name
