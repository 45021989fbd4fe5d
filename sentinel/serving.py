"""What the web server loads: the application, with all it imports kept out of the garbage collector's way."""

from __future__ import annotations

from flask import Flask

from sentinel.imports import UNWANTED, hidden, load_redis, loading, search_rarely


def application() -> Flask:
    """Build the API as the environment says."""
    search_rarely()
    with hidden(*UNWANTED), loading():
        load_redis()
        from sentinel import tracing  # noqa: PLC0415 - here, so that its modules count as loaded
        from sentinel.app import create_app  # noqa: PLC0415

        tracing.start()
        return create_app()
