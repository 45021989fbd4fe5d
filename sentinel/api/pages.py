"""Swagger UI and ReDoc, served from an installed package: nothing is loaded from outside."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, abort, render_template, request

blueprint = Blueprint("pages", __name__, template_folder="templates")

ASSETS = {
    "swagger.js": ("swagger_bundle.js", "text/javascript"),
    "swagger.css": ("swagger_style.css", "text/css"),
    "redoc.js": ("redoc.js", "text/javascript"),
}

LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
"""The one thing ReDoc loads from elsewhere: its maker's logo below the menu."""


@lru_cache(maxsize=1)
def _asset_folder() -> Path:
    # Importing offapi would read all of its nine megabytes; only its files are wanted.
    spec = importlib.util.find_spec("offapi")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package offapi is not installed; run `make setup`")
    return Path(spec.origin).parent


@blueprint.get("/docs")
def swagger() -> str:
    """Show the API with Swagger UI."""
    return render_template("pages/swagger.html")


@blueprint.get("/redoc")
def redoc() -> str:
    """Show the API with ReDoc."""
    # In a folder of its own: flask-smorest has a redoc.html too, and would win.
    return render_template("pages/redoc.html")


@blueprint.get("/docs/assets/<name>")
def asset(name: str) -> Response:
    """Serve a script or style sheet of the two pages."""
    if name not in ASSETS:
        abort(404)
    file, kind = ASSETS[name]
    response = Response(_content(file), content_type=f"{kind}; charset=utf-8")
    response.cache_control.max_age = 86_400
    response.add_etag()
    response.make_conditional(request)
    return response


@lru_cache
def _content(file: str) -> bytes:
    return (_asset_folder() / file).read_bytes().replace(LOGO, b"data:,")
