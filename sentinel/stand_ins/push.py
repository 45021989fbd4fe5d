"""Gotify's API below `/push`: any token is let in, each is a receiver of its own."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sentinel.stand_ins.faults import Fault
from sentinel.stand_ins.messages import Answer, Api, Credentials, Request


def _addressed(request: Request, body: dict[str, Any]) -> tuple[str, str]:
    return request.headers.get("x-gotify-key", ""), str(body.get("message", ""))


def _taken(_request: Request, body: dict[str, Any], _credentials: Credentials) -> Answer:
    if not body.get("message"):
        return _refused(400, "Key: 'Message.Message' Error: the tag 'required' failed")
    message_id = uuid.uuid4().hex
    return Answer(200, json.dumps({"id": message_id, "message": body["message"]}).encode(), message_id=message_id)


def _refused(status: int, description: str) -> Answer:
    error = {"error": "refused", "errorCode": status, "errorDescription": description}
    return Answer(status, json.dumps(error).encode())


def _scripted(status: int, fault: Fault) -> bytes:
    return _refused(status, fault.message).body


API = Api(prefix="/push/", addressed=_addressed, usual=_taken, error=_scripted)
