"""The screens of the console, a file or a folder for each."""

from __future__ import annotations

from flask import Blueprint

from sentinel.web.screens import clients, dashboard, endpoints, on_call, rules, silences, templates, tickets

SCREENS: tuple[Blueprint, ...] = (
    dashboard.blueprint,
    tickets.blueprint,
    on_call.blueprint,
    silences.blueprint,
    rules.blueprint,
    templates.blueprint,
    endpoints.blueprint,
    clients.blueprint,
)
