"""SendGrid's `mail/send`."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sentinel.stand_ins.faults import Fault
from sentinel.stand_ins.messages import Answer, Api, Credentials, Request


def _error(message: str, name: str | None = None) -> bytes:
    return json.dumps({"errors": [{"message": message, "field": name, "help": None}]}).encode()


def _answer(request: Request, body: dict[str, Any], credentials: Credentials) -> Answer:
    if request.headers.get("authorization") != f"Bearer {credentials.api_key}":
        message = "The provided authorization grant is invalid, expired, or revoked"
        return Answer(401, _error(message))
    if request.path != "/v3/mail/send" or request.method != "POST":
        return Answer(404, _error("not found"))
    for name in ("personalizations", "from", "subject", "content"):
        if not body.get(name):
            return Answer(400, _error(f"The {name} is required", name))
    message_id = uuid.uuid4().hex[:22]
    return Answer(202, b"", {"X-Message-Id": message_id}, message_id=message_id)


def _addressed(_request: Request, body: dict[str, Any]) -> tuple[str, str]:
    try:
        return body["personalizations"][0]["to"][0]["email"], body["content"][0]["value"]
    except (KeyError, IndexError, TypeError):
        return "", ""


def _scripted(_status: int, fault: Fault) -> bytes:
    return _error(fault.message, fault.field)


API = Api(prefix="/", addressed=_addressed, usual=_answer, error=_scripted)
"""Last of all: what belongs to nobody else is SendGrid's."""
