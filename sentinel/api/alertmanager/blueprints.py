"""What the addresses of Alertmanager's API share: who may call, and errors in its shape, a JSON text."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from flask import Blueprint, Response

from sentinel.api.answers import dumps
from sentinel.api.auth import require_credentials

PREFIX = "/api/v2"
MOST_ERRORS = 10
"""Most refused fields that one text names."""


def blueprint_of(name: str) -> Blueprint:
    """Make a blueprint of Alertmanager's API."""
    made = Blueprint(name, __name__, url_prefix=PREFIX)
    made.before_request(require_credentials)
    made.after_request(_as_alertmanager)
    return made


def _as_alertmanager(response: Response) -> Response:
    """Say an error, whoever noticed it, as Alertmanager does: one text as JSON, and 400 for what is refused."""
    if response.status_code < HTTPStatus.BAD_REQUEST or response.mimetype != "application/json":
        return response
    error = orjson.loads(response.get_data())
    if isinstance(error, dict):
        response.set_data(dumps(error_text(error)))
    if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
        response.status_code = HTTPStatus.BAD_REQUEST
    return response


def error_text(error: dict[str, object]) -> str:
    """An error of our own shape as one text."""
    fields = error["errors"]
    if not isinstance(fields, list) or not fields:
        return str(error["message"])
    told = [f"{each['field']}: {each['message']} ({each['remedy']})" for each in fields[:MOST_ERRORS]]
    more = len(fields) - len(told)
    return "; ".join([*told, f"and {more} more"] if more else told)
