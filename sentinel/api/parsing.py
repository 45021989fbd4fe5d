"""Reading requests: strict JSON, the right content type, no more than the allowed size."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import orjson
from flask import Request, abort, current_app, request
from flask.json.provider import JSONProvider
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser

from sentinel.errors import SHOWN, FieldError, InvalidInputError
from sentinel.json_bounds import DEEPEST, is_shallow
from sentinel.settings import Settings

BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})

CALLBACKS = "callbacks"
"""The blueprint of what providers report."""
LARGEST_CALLBACK_BYTES = 1_048_576
"""SendGrid sends its events in batches of up to 768 kB."""

CONSOLE = "console"
"""The blueprint of the pages for people."""

TICKET_LINKS = "ticket-links"
"""The blueprint of the pages behind links in messages: who knows such an address may act."""

BY_KEY, BY_ADDRESS = "senders", "sender-addresses"
"""The blueprints of what other systems send: with an API key, and to an address of their own."""
GITHUB, PAGERDUTY, SNS = "github", "pagerduty", "sns"
"""Blueprints of systems that have a protocol of their own for saying who they are."""
PINGS = "pings"
"""The blueprint of heartbeats' signals to an address of their own."""
SENDERS = frozenset({BY_ADDRESS, GITHUB, PAGERDUTY, SNS, PINGS})
"""All that bring no key in a header."""

ANY_TYPE = ("/integrations/cloudevents", "/integrations/sns", "/ping/")
"""Beginnings of addresses whose senders name the type of what they carry, or none."""

NDJSON = "application/x-ndjson"
NDJSON_PATHS = frozenset({"/events/batch"})

BATCHES = ("/batch", "/api/v2/alerts")
"""Ends of addresses that take many items at once: Prometheus sends its alerts together."""


class StrictJson(JSONProvider):
    """orjson: refuses NaN, lone surrogates, numbers beyond a double and nesting that would exhaust the stack."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Write JSON."""
        return orjson.dumps(obj, option=orjson.OPT_UTC_Z).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Read JSON; raises `json.JSONDecodeError`, as Flask expects."""
        return orjson.loads(s)


class StrictParser(FlaskParser):
    """webargs over our JSON reader; a query parameter that the schema does not know is refused."""

    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {
        "query": None,  # the schema's own choice; webargs would leave typos out in silence
    }

    def _raw_load_json(self, req: Request) -> Any:
        del req
        return read_json()


def read_json() -> Any:
    """Read this request's body; a 400 says where it stops being JSON."""
    return parsed(read_body())


def parsed(body: bytes) -> Any:
    """Read JSON of this request; a 400 says where it stops being that."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        abort(400, description=_why_not_json(body, error))
    if not is_shallow(body, value):
        abort(400, description=f"The body is nested deeper than {DEEPEST} levels; send it flatter.")
    return value


def read_body() -> bytes:
    """Read this request's body as it came; an empty one is a 400."""
    body = whole_body()
    if not body:
        abort(400, description="The body is empty; send JSON.")
    return body


def whole_body() -> bytes:
    """Read this request's body as it came, be it empty; one that is cut off is a 413."""
    body = request.get_data(cache=True)
    # Of a body without a length werkzeug reads as much as is allowed, and says nothing of the rest.
    if request.content_length is None and len(body) == request.max_content_length:
        abort(413)
    return body


def _why_not_json(body: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        body.decode()
    except UnicodeDecodeError as undecodable:
        return f"The body is not UTF-8 text from byte {undecodable.start} on; send JSON in UTF-8."
    return f"The body is not valid JSON: {error}."


def read_ndjson() -> list[Any]:
    """Read this request's body line by line; in the place of a line that is not JSON stands the error that says so."""
    lines = enumerate(read_body().split(b"\n"), start=1)
    return [_read_line(number, line) for number, line in lines if line.strip()]


def _read_line(number: int, line: bytes) -> Any:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return _bad_line(number, line, f"is not valid JSON: {error}")
    if not is_shallow(line, value):
        return _bad_line(number, line, f"is nested deeper than {DEEPEST} levels")
    return value


def _bad_line(number: int, line: bytes, message: str) -> InvalidInputError:
    start = line[:SHOWN].decode(errors="replace")
    return InvalidInputError(FieldError(f"line {number}", start, message, "write one JSON object a line"))


class StrictBlueprint(Blueprint):  # type: ignore[misc]
    """A blueprint that reads its arguments strictly."""

    ARGUMENTS_PARSER = StrictParser()

    def refuses(self, *codes: int) -> Callable[[Any], Any]:
        """Document the errors that a view can answer with, and 429, which any can; their shape is `ErrorSchema`."""
        every = (*codes, HTTPStatus.TOO_MANY_REQUESTS)
        decorate: Callable[[Any], Any] = self.doc(responses={code: HTTPStatus(code).name for code in every})
        return decorate


def check_envelope() -> None:
    """Refuse a body of the wrong kind or size before anything reads it."""
    if request.routing_exception is not None:
        return  # a wrong address or method is the greater mistake: say that first
    settings: Settings = current_app.config["SENTINEL"]
    request.max_content_length = _most_bytes(settings)
    if request.method not in BODY_METHODS or not _has_body():
        return
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        abort(415, description="Send the body uncompressed, without the header Content-Encoding.")
    if not (request.is_json or is_ndjson() or _is_form() or request.path.startswith(ANY_TYPE)):
        abort(415)


def _most_bytes(settings: Settings) -> int:
    if request.blueprint == CALLBACKS or request.blueprint in SENDERS:
        return LARGEST_CALLBACK_BYTES
    is_batch = request.path.endswith(BATCHES) or request.blueprint == BY_KEY
    return settings.max_batch_body_bytes if is_batch else settings.max_body_bytes


def _is_form() -> bool:
    """Twilio and GitHub report in forms, and people write in them."""
    takes_forms = not {CALLBACKS, CONSOLE, GITHUB, TICKET_LINKS}.isdisjoint(request.blueprints)
    return takes_forms and request.mimetype == "application/x-www-form-urlencoded"


def is_ndjson() -> bool:
    """Whether this request's body is one JSON value a line, where that is understood."""
    return request.mimetype == NDJSON and request.path in NDJSON_PATHS


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers
