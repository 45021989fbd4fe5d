"""Reading requests: strict JSON, the right content type, no more than the allowed size."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Request, abort, current_app, request
from flask.json.provider import JSONProvider
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser

from sentinel.settings import Settings

BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})


class StrictJson(JSONProvider):
    """orjson: refuses NaN, lone surrogates, numbers beyond a double and nesting that would exhaust the stack."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Write JSON."""
        return orjson.dumps(obj, option=orjson.OPT_UTC_Z).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Read JSON; raises `json.JSONDecodeError`, as Flask expects."""
        return orjson.loads(s)


class StrictParser(FlaskParser):
    """webargs over the same JSON reader as `request.get_json`."""

    def _raw_load_json(self, req: Request) -> Any:
        del req
        return read_json()


def read_json() -> Any:
    """Read this request's body; a 400 says where it stops being JSON."""
    try:
        return orjson.loads(request.get_data(cache=True))
    except orjson.JSONDecodeError as error:
        abort(400, description=f"The body is not valid JSON: {error}.")


class StrictBlueprint(Blueprint):  # type: ignore[misc]
    """A blueprint that reads its arguments strictly."""

    ARGUMENTS_PARSER = StrictParser()


def check_envelope() -> None:
    """Refuse a body of the wrong kind or size before anything reads it."""
    settings: Settings = current_app.config["SENTINEL"]
    is_batch = request.path.endswith("/batch")
    request.max_content_length = settings.max_batch_body_bytes if is_batch else settings.max_body_bytes
    if request.method in BODY_METHODS and _has_body() and not request.is_json:
        abort(415)


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers or request.content_length is None


def is_storable(value: Any) -> bool:
    """Whether PostgreSQL can keep it: no NUL character anywhere."""
    if isinstance(value, str):
        return "\x00" not in value
    if isinstance(value, dict):
        return all(is_storable(name) and is_storable(below) for name, below in value.items())
    return not isinstance(value, list) or all(is_storable(each) for each in value)
