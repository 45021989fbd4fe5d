"""The screens of the console, a file for each."""

from __future__ import annotations

from flask import Blueprint

from sentinel.web.screens import dashboard, inbox, load_tests

SCREENS: tuple[Blueprint, ...] = (dashboard.blueprint, inbox.blueprint, load_tests.blueprint)
