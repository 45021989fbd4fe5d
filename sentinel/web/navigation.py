"""What leads to each screen."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request, url_for

from sentinel.web.access import may, needed_role


@dataclass(frozen=True, slots=True)
class Entry:
    """A link to a screen. `is_here`: the page shown is one of that screen's."""

    words: str
    address: str
    is_here: bool


SECTIONS = {
    "Look": {
        "dashboard": "Dashboard",
        "notifications": "Notifications",
        "events": "Events",
        "inbox": "Inbox",
    },
    "Act": {
        "tickets": "Tickets",
        "on_call": "On call",
        "silences": "Silences",
        "dead_letters": "Dead letter",
    },
    "Set up": {
        "rules": "Rules",
        "templates": "Templates",
        "endpoints": "Endpoints",
        "clients": "Clients",
    },
    "Run": {
        "queues": "Queues",
        "workers": "Workers",
        "load_tests": "Load test",
        "settings": "Settings",
        "users": "Users",
        "audit": "Audit",
    },
}
"""Screens by the section of the navigation that they stand in, and their words."""


def navigation() -> dict[str, list[Entry]]:
    """The navigation as it stands on this page."""
    shown = {
        section: [_entry(name, words) for name, words in screens.items() if _is_for_visitor(_endpoint(name))]
        for section, screens in SECTIONS.items()
    }
    return {section: entries for section, entries in shown.items() if entries}


def _is_for_visitor(endpoint: str) -> bool:
    view = current_app.view_functions.get(endpoint)
    return view is not None and may(needed_role(view))


def _endpoint(screen: str) -> str:
    return f"console.{screen}.index"


def _entry(screen: str, words: str) -> Entry:
    is_here = request.endpoint is not None and request.endpoint.startswith(f"console.{screen}.")
    return Entry(words, url_for(_endpoint(screen)), is_here)
