"""Stores clients with their rules and webhooks: `python -m bench.rule_set CLIENTS RECEIVER_URL`."""

from __future__ import annotations

import base64
import hashlib
import sys
from typing import Any

from bench.alerts import SEVERITIES, Triple, triples
from sentinel.queries import clients, endpoints, rules
from sentinel.rules.printer import rule_text
from sentinel.rules.serialise import dump
from sentinel.rules.syntax import Compare, Field, Notify, RuleSyntax, conjunction
from sentinel.sealing import seal
from sentinel.services.access.clients import OPERATOR
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work

ENDPOINT = "ops-{}"
"""Each client has one for each severity: a receiver takes only so much at once, and four take more."""


def syntax(triple: Triple) -> RuleSyntax:
    """`when severity.lower() == … and source == … and name == … then notify("endpoint:ops-critical")`."""
    severity = Compare(Field(("severity",), "lower"), "==", triple.severity)
    others = (Compare(Field((name,)), "==", getattr(triple, name)) for name in ("source", "name"))
    return RuleSyntax(conjunction([severity, *others]), (Notify("endpoint", ENDPOINT.format(triple.severity)),))


def rule_row(client_id: int, triple: Triple) -> dict[str, Any]:
    """A rule as it is stored."""
    rule = syntax(triple)
    return {
        "client_id": client_id,
        "name": f"{triple.severity}/{triple.source}/{triple.name}",
        "text": rule_text(rule),
        "syntax": dump(rule),
        "is_enabled": True,
        "is_scanned": False,
    }


def endpoint_row(client_id: int, severity: str, target: str, uow: UnitOfWork) -> dict[str, Any]:
    """A webhook of the client; its secret is as long as a real one."""
    secret = base64.b64encode(hashlib.sha256(target.encode()).digest()).decode()
    return {
        "client_id": client_id,
        "name": ENDPOINT.format(severity),
        "channel": "webhook",
        "target": target,
        "secret": seal(f"whsec_{secret}"),
        "is_enabled": True,
        "version": 1,
        "created_at": uow.now,
        "updated_at": uow.now,
    }


def store(count: int, receiver_url: str) -> None:
    """Make the clients, in one transaction."""
    with unit_of_work() as uow:
        for number in range(count):
            client = clients.ensure(uow.session, f"bench-{number}", now=uow.now)
            rows = [rule_row(client.id, triple) for triple in triples(number)]
            rules.insert(uow.session, rows, changed_by=OPERATOR, now=uow.now)
            for severity in SEVERITIES:
                target = f"{receiver_url}/c{number}/{severity}"
                endpoints.add(uow.session, endpoint_row(client.id, severity, target, uow))


if __name__ == "__main__":
    store(int(sys.argv[1]), sys.argv[2])
