"""Every call that the API knows, made up from its own routes and its own description: new ones come by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

PUBLIC = frozenset({"pages.swagger", "pages.redoc", "pages.asset", "api-docs.openapi_json"}) | {
    *("health.short", "health.live", "health.ping", "health.ready", "health.ready_shortly"),
    "bootstrap.static",
}
"""Endpoints that answer everybody on purpose; whatever is not named here asks for a key."""

SIGNED = frozenset({"callbacks.TwilioCallback", "callbacks.SendGridCallback"}) | {
    # Who sends to these is told by the address or by the body: tests/integration/test_senders.py and its neighbours.
    *("sender-addresses.FromAlertmanager", "sender-addresses.FromGrafana", "sender-addresses.FromCloudEvents"),
    *("pagerduty.Plain", "pagerduty.AsAtPagerDuty", "pagerduty.FromPagerDutyClient"),
    *("github.FromGitHub", "sns.FromSns"),
    *("pings.Alive", "pings.Failed", "pings.Ended"),
    # Who may act is told by the link itself: tests/integration/test_ticket_links.py.
    *("ticket-links.show", "ticket-links.act"),
}
"""Endpoints that ask for a provider's signature, a secret address or a key in the body instead of one in a header."""

FOR_PEOPLE = "console."
"""Pages for people, who log in: tests/integration/console/test_walk.py."""

OF_NOBODY: dict[str, Any] = {"pack": "device_health", "name": "twilio", "channel": "sms"}
"""Path parameters that name what belongs to no client."""

ELSEWHERE: dict[str, Any] = {
    "alertmanager_alerts.AlertList": [{"labels": {"alertname": "DiskFull"}}],
    "alertmanager_silences.SilenceList": {
        "matchers": [{"name": "alertname", "value": "DiskFull", "isRegex": False}],
        "startsAt": "2026-11-20T18:00:00Z",
        "endsAt": "2099-12-31T00:00:00Z",
        "createdBy": "ann",
        "comment": "",
    },
}
"""Bodies of calls that others describe: Alertmanager."""

ALTERNATIVES = ("rule", "status")
"""Fields that no schema requires because there is another way to say the same."""

READING = ("GET", "HEAD")

NAMED_BY_CLIENTS = frozenset({"heartbeat", "drill"})
"""Path parameters that are names, which each client gives to what is its own."""


@dataclass(frozen=True, slots=True)
class Call:
    """A method at an address, and a body as described. `is_item`: the address names somebody's object.

    `makes_own`: whatever another client has of that name, who calls gets one of its own.
    """

    method: str
    path: str
    endpoint: str
    is_item: bool
    body: Any = None
    makes_own: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def calls(app: Flask, known: Mapping[str, Any]) -> Iterator[Call]:
    """All calls that are not public; `known` has the value of each path parameter that names somebody's object."""
    described = app.test_client().get("/openapi.json").get_json()
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in PUBLIC | SIGNED and not rule.endpoint.startswith(FOR_PEOPLE):
            path = _path(app, rule, known)
            for method in sorted((rule.methods or set()) - {"OPTIONS"}):
                operation = described["paths"].get(_described_path(rule), {}).get(method.lower(), {})
                body = None if method in READING else ELSEWHERE.get(rule.endpoint) or _body(operation, described)
                makes_own = method == "PUT" and bool(rule.arguments & NAMED_BY_CLIENTS)
                yield Call(method, path, rule.endpoint, bool(rule.arguments - set(OF_NOBODY)), body, makes_own)


def _path(app: Flask, rule: Rule, known: Mapping[str, Any]) -> str:
    values = {
        name: ({**known} | OF_NOBODY)[name] for name in rule.arguments
    }  # KeyError: say whose it is, above or below
    return app.url_map.bind("127.0.0.1").build(rule.endpoint, values, next(iter(rule.methods or {"GET"})))


def _described_path(rule: Rule) -> str:
    parts = rule.rule.replace("<int:", "<").replace("<string:", "<").replace("<uuid:", "<")
    return parts.replace("<", "{").replace(">", "}")


def _body(operation: dict[str, Any], described: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return _example(content.get("schema", {}), described)


def _example(schema: dict[str, Any], described: dict[str, Any]) -> Any:
    """What the schema shows as an example: of an object its required fields, or if there are none, its first."""
    if "$ref" in schema:
        return _example(described["components"]["schemas"][schema["$ref"].rpartition("/")[2]], described)
    if "example" in schema:
        return schema["example"]
    if schema.get("type") == "array":
        return [_example(schema["items"], described)]
    fields = schema.get("properties", {})
    required = [*schema.get("required", []), *(name for name in ALTERNATIVES if name in fields)]
    return {name: _example(fields[name], described) for name in required or list(fields)[:1]} if fields else None
