"""The screens of the console, a file for each."""

from __future__ import annotations

from flask import Blueprint

from sentinel.web.screens import clients, dashboard, endpoints, templates

SCREENS: tuple[Blueprint, ...] = (
    dashboard.blueprint,
    clients.blueprint,
    endpoints.blueprint,
    templates.blueprint,
)
