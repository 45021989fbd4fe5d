"""Which part of the program a request is for."""

from __future__ import annotations

from flask import request


def outermost() -> str:
    """The blueprint that a request is for; screens of the console are blueprints within its own."""
    return (request.blueprint or "").partition(".")[0]
