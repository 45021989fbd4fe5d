"""The screens of the console, a file or a folder for each."""

from __future__ import annotations

from flask import Blueprint

from sentinel.web.screens import (
    audit,
    clients,
    dashboard,
    dead_letters,
    endpoints,
    events,
    flower,
    inbox,
    load_tests,
    notifications,
    on_call,
    queues,
    rules,
    settings,
    silences,
    templates,
    tickets,
    users,
    workers,
)

SCREENS: tuple[Blueprint, ...] = (
    dashboard.blueprint,
    notifications.blueprint,
    events.blueprint,
    inbox.blueprint,
    tickets.blueprint,
    on_call.blueprint,
    silences.blueprint,
    dead_letters.blueprint,
    rules.blueprint,
    templates.blueprint,
    endpoints.blueprint,
    clients.blueprint,
    queues.blueprint,
    workers.blueprint,
    flower.blueprint,
    load_tests.blueprint,
    settings.blueprint,
    users.blueprint,
    audit.blueprint,
)
