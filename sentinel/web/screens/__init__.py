"""The screens of the console, a file for each."""

from __future__ import annotations

from flask import Blueprint

from sentinel.web.screens import dashboard, flower, queues, workers

SCREENS: tuple[Blueprint, ...] = (dashboard.blueprint, queues.blueprint, workers.blueprint, flower.blueprint)
