"""Every error in one JSON shape: `{code, status, message, errors: [{field, value, message, remedy}]}`."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from flask import Flask, Response, request
from flask_smorest import Api, Blueprint
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from sentinel.api.answers import json_response
from sentinel.api.field_errors import field_errors
from sentinel.api.parsing import SENDERS, TICKET_LINKS, read_json
from sentinel.api.schemas.error import ErrorSchema
from sentinel.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    SentinelError,
    UnauthorizedError,
)
from sentinel.logs import get_logger

log = get_logger(__name__)

STATUS_OF: dict[type[SentinelError], HTTPStatus] = {
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
}

MESSAGES = {
    404: "There is nothing at this address; /docs lists what there is.",
    405: "This address does not know that method; the Allow header lists those it knows.",
    415: "Send JSON, with the header Content-Type: application/json.",
    422: "Some fields were refused.",
    500: "Something went wrong on our side; the log of this process says what.",
}


def error_response(status: HTTPStatus, message: str, errors: list[FieldError] | None = None) -> Response:
    """Answer with an error."""
    body = {"code": status.value, "status": status.phrase, "message": message}
    return json_response(body | {"errors": [each.as_dict() for each in errors or []]}, status.value)


class SentinelApi(Api):  # type: ignore[misc]
    """flask-smorest's Api with one shape of errors, `Allow` kept on 405; it describes itself when somebody asks.

    The description takes longer to make than all else of the application, and most processes are never asked.
    """

    ERROR_SCHEMA = ErrorSchema

    def __init__(self, app: Flask) -> None:
        self._describing = threading.RLock()
        self._undescribed: list[Blueprint] = []
        super().__init__(app)

    @property
    def spec(self) -> APISpec:
        """The description, of all blueprints."""
        with self._describing:
            while self._undescribed:
                self._describe(self._undescribed.pop(0))
            return self._spec

    @spec.setter
    def spec(self, spec: APISpec) -> None:
        self._spec = spec

    def register_blueprint(self, blueprint: Blueprint) -> None:
        """Serve a blueprint now; it is described later."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blueprint.name] = self
        self._app.register_blueprint(blueprint)
        self._undescribed.append(blueprint)

    def _describe(self, blueprint: Blueprint) -> None:
        blueprint.register_views_in_doc(self, self._app, self._spec, name=blueprint.name, parameters=None)
        self._spec.tag({"name": blueprint.name, "description": blueprint.description})

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Turn an HTTP exception, ours or Flask's, into the one shape."""
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        data: dict[str, Any] = getattr(error, "data", None) or {}
        found = _refused_fields(data)
        response = error_response(status, _message(error, status), found)
        response.headers.extend(
            (name, value) for name, value in error.get_headers() if name not in ("Content-Type", "Content-Length")
        )
        return response


def _message(error: HTTPException, status: HTTPStatus) -> str:
    if error.description and error.description != type(error).description:
        return error.description  # written by us for this very case
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return f"The body is larger than the {request.max_content_length} bytes allowed here; send less at once."
    return MESSAGES.get(status.value, error.description or status.phrase)


def _refused_fields(data: dict[str, Any]) -> list[FieldError]:
    messages, schema = data.get("messages"), data.get("schema")
    if schema is None or not isinstance(messages, dict):
        return []
    return [each for location, below in messages.items() for each in field_errors(below, schema, _source(location))]


def _source(location: str) -> Any:
    return request.args.to_dict() if location == "query" else read_json()


def register_handlers(app: Flask) -> None:
    """Answer our own exceptions, and an unreachable database, in the one shape."""
    app.register_error_handler(SentinelError, _own_error)
    for unavailable in (OperationalError, InterfaceError, PoolTimeoutError):
        app.register_error_handler(unavailable, _database_away)
    app.register_error_handler(Exception, _unexpected)


def _own_error(error: SentinelError) -> Response:
    status = next((status for kind, status in STATUS_OF.items() if isinstance(error, kind)), None)
    if status is None:
        return _unexpected(error)
    found = list(error.errors) if isinstance(error, InvalidInputError) else []
    response = error_response(status, MESSAGES[422] if found else str(error), found)
    if isinstance(error, ConflictError) and error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="sentinel"'
    return response


def _database_away(error: Exception) -> Response:
    log.error("database_unavailable", path=_loggable_path(), error=type(error).__name__)
    response = error_response(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database does not answer, so nothing can be promised. Repeat the request; under an Idempotency-Key it is "
        "stored once at most.",
    )
    response.headers["Retry-After"] = "2"
    return response


def _loggable_path() -> str:
    """The address that was asked, unless knowing it is enough to use it."""
    return str(request.url_rule) if request.blueprint in SENDERS | {TICKET_LINKS} else request.path


def _unexpected(error: Exception) -> Response:
    log.error("request_failed", path=_loggable_path(), exc_info=error)
    return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, MESSAGES[500])
