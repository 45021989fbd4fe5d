"""What the web server loads: the application, with all it imports kept out of the garbage collector's way."""

from __future__ import annotations

import gc

from flask import Flask

from sentinel.imports import hidden, loading

NEW_OBJECTS = 20_000
"""So many new objects make Python look for circles among them; a batch of events is thousands, and leaves none."""


def application() -> Flask:
    """Build the API as the environment says."""
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    with hidden("cffi", "yaml"), loading():  # Celery would import them because they are there
        from sentinel.app import create_app  # noqa: PLC0415 - here, so that its modules count as loaded

        return create_app()
