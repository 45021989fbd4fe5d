"""The one place the Flask application is put together."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from flask import Flask, Response

from sentinel import tracing
from sentinel.api import (
    alerts,
    audit,
    callbacks,
    chains,
    clients,
    dead_letters,
    drills,
    endpoints,
    escalation_policies,
    events,
    explain,
    groups,
    health,
    heartbeats,
    inhibitions,
    integrations,
    keys,
    metrics,
    notifications,
    pages,
    pings,
    policies,
    providers,
    request_ids,
    request_spans,
    rotations,
    rules,
    silences,
    stats,
    suppressions,
    templates,
    tickets,
)
from sentinel.api.alertmanager import alerts as alertmanager_alerts
from sentinel.api.alertmanager import silences as alertmanager_silences
from sentinel.api.errors import SentinelApi, register_handlers
from sentinel.api.parsing import StrictJson, check_envelope
from sentinel.api.senders import by_address, by_key, github, pagerduty, sns
from sentinel.api.strangers import Strangers
from sentinel.api.throttle import Throttle
from sentinel.logs import configure_logs
from sentinel.proxies import behind_proxies
from sentinel.settings import Settings, get_settings
from sentinel.web import ticket_links
from sentinel.web.console import install_console

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",  # answers hold addresses and texts of people
}
DATA_ONLY = "default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of what is no page: a browser that shows it runs nothing."""

# The two documentation pages start themselves by a few inline lines and ReDoc runs a worker of its own making.
PAGES = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'"
)
ONLY_TLS = "max-age=31536000"
"""Strict-Transport-Security: for a year, browsers come by https only."""


class Application(Flask):
    """Flask without coroutines: it would ask of every function that it calls, 16 times a request, whether it is one."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Take it as it is."""
        return func


def create_app(settings: Settings | None = None) -> Flask:
    """Build the API for `settings` (default: the environment's)."""
    settings = settings or get_settings()
    configure_logs(settings)
    app = Application("sentinel", static_folder=None)
    app.json = StrictJson(app)
    app.config.update(
        SENTINEL=settings,
        MAX_CONTENT_LENGTH=settings.max_batch_body_bytes,
        API_TITLE="Sentinel",
        API_VERSION=version("sentinel"),
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        PROPAGATE_EXCEPTIONS=False,
        API_SPEC_OPTIONS={
            "info": {"description": "Accept notifications, deliver them once, never silently."},
            "components": {"securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}}},
            "security": [{"apiKey": []}, {}],
        },
    )
    request_ids.install(app)
    if tracing.is_on():
        request_spans.install(app)
    Throttle(settings).install(app)
    Strangers(settings).install(app)
    app.before_request(check_envelope)
    app.after_request(_secured(settings))
    register_handlers(app)
    smorest = SentinelApi(app)
    for blueprint in (notifications.blueprint, events.blueprint, alerts.blueprint, rules.blueprint):
        smorest.register_blueprint(blueprint)
    for blueprint in (endpoints.blueprint, templates.blueprint, clients.blueprint, keys.blueprint):
        smorest.register_blueprint(blueprint)
    smorest.register_blueprint(explain.blueprint)
    for blueprint in (tickets.blueprint, escalation_policies.blueprint, rotations.blueprint):
        smorest.register_blueprint(blueprint)
    smorest.register_blueprint(providers.blueprint)
    smorest.register_blueprint(stats.blueprint)
    smorest.register_blueprint(dead_letters.blueprint)
    smorest.register_blueprint(audit.blueprint)
    smorest.register_blueprint(callbacks.blueprint)
    smorest.register_blueprint(suppressions.blueprint)
    smorest.register_blueprint(groups.blueprint)
    smorest.register_blueprint(silences.blueprint)
    smorest.register_blueprint(inhibitions.blueprint)
    smorest.register_blueprint(policies.blueprint)
    smorest.register_blueprint(integrations.blueprint)
    for blueprint in (heartbeats.blueprint, pings.blueprint, drills.blueprint, chains.blueprint):
        smorest.register_blueprint(blueprint)
    for blueprint in (by_key.blueprint, by_address.blueprint, pagerduty.blueprint, github.blueprint, sns.blueprint):
        smorest.register_blueprint(blueprint)
    smorest.register_blueprint(health.blueprint)
    app.register_blueprint(alertmanager_alerts.blueprint)
    app.register_blueprint(alertmanager_silences.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(ticket_links.blueprint)
    install_console(app, settings)
    if settings.trusted_proxies:
        app.wsgi_app = behind_proxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[assignment, method-assign]
    return app


def _secured(settings: Settings) -> Callable[[Response], Response]:
    """Make what adds to an answer those security headers that it does not have."""
    always = dict(SECURITY_HEADERS)
    if settings.public_base_url.startswith("https://"):
        always["Strict-Transport-Security"] = ONLY_TLS
    headers_of = {policy: always | {"Content-Security-Policy": policy} for policy in (PAGES, DATA_ONLY)}

    def secure(response: Response) -> Response:
        there = {name.lower() for name, _ in response.headers}
        for name, value in headers_of[PAGES if response.mimetype == "text/html" else DATA_ONLY].items():
            if name.lower() not in there:
                response.headers.add(name, value)
        return response

    return secure
