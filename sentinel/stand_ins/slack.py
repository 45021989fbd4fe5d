"""Slack's `chat.postMessage`, which answers 200 even to what it refuses, and incoming webhooks, which do not."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from sentinel.stand_ins.faults import Fault
from sentinel.stand_ins.messages import Answer, Api, Credentials, Request


def refused_by_slack(error: str, **more: Any) -> Fault:
    """An error of the web API: 200 with `ok: false`."""
    return Fault(200, body=_refusal(error, **more).decode())


def _refusal(error: str, **more: Any) -> bytes:
    return json.dumps({"ok": False, "error": error, **more}).encode()


def _scripted(_status: int, fault: Fault) -> bytes:
    return _refusal(fault.message)


def _text(body: dict[str, Any]) -> str:
    attachments = body.get("attachments") or [{}]
    return str(attachments[0].get("text") or body.get("text", ""))


def _posted(request: Request, body: dict[str, Any], credentials: Credentials) -> Answer:
    if request.headers.get("authorization") != f"Bearer {credentials.bot_token}":
        return Answer(200, _refusal("invalid_auth" if "authorization" in request.headers else "not_authed"))
    if request.path != "/api/chat.postMessage" or request.method != "POST":
        return Answer(200, _refusal("unknown_method"))
    if not body.get("channel"):
        return Answer(200, _refusal("channel_not_found"))
    if not (body.get("text") or body.get("attachments")):
        return Answer(200, _refusal("no_text"))
    channel, moment = f"C{uuid.uuid4().hex[:8].upper()}", f"{time.time():.6f}"
    answer = {"ok": True, "channel": channel, "ts": moment, "message": {"text": body.get("text", "")}}
    return Answer(200, json.dumps(answer).encode(), message_id=f"{channel}/{moment}")


def _hooked(_request: Request, body: dict[str, Any], _credentials: Credentials) -> Answer:
    if not (body.get("text") or body.get("attachments")):
        return Answer(400, b"no_text", {"Content-Type": "text/html"})
    return Answer(200, b"ok", {"Content-Type": "text/html"}, message_id=uuid.uuid4().hex)


WEB_API = Api(
    prefix="/api/",
    addressed=lambda _request, body: (body.get("channel", ""), _text(body)),
    usual=_posted,
    error=_scripted,
)
INCOMING_WEBHOOKS = Api(
    prefix="/services/",
    addressed=lambda request, body: (request.path, _text(body)),
    usual=_hooked,
    error=lambda _status, fault: fault.message.encode(),
)
