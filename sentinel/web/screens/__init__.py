"""The screens of the console, a file for each."""

from __future__ import annotations

from flask import Blueprint

from sentinel.web.screens import audit, dashboard, settings, users

SCREENS: tuple[Blueprint, ...] = (
    dashboard.blueprint,
    settings.blueprint,
    audit.blueprint,
    users.blueprint,
)
