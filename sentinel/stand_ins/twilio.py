"""Twilio's `Messages.json`."""

from __future__ import annotations

import json
import uuid
from email.utils import formatdate
from typing import Any

from sentinel.stand_ins.faults import Fault
from sentinel.stand_ins.messages import Answer, Api, Credentials, Request


def _error(status: int, code: int | None, message: str) -> bytes:
    if code is None:
        return json.dumps({"message": message, "status": status}).encode()
    page = f"https://www.twilio.com/docs/errors/{code}"
    return json.dumps({"code": code, "message": message, "more_info": page, "status": status}).encode()


def _scripted(status: int, fault: Fault) -> bytes:
    return _error(status, fault.code, fault.message)


def _answer(request: Request, body: dict[str, Any], credentials: Credentials) -> Answer:
    if request.headers.get("authorization") != credentials.basic:
        return Answer(401, _error(401, 20003, "Authenticate"))
    if request.path != f"/2010-04-01/Accounts/{credentials.account_sid}/Messages.json" or request.method != "POST":
        return Answer(404, _error(404, 20404, f"The requested resource {request.path} was not found"))
    needed = ((("To",), 21604), (("From", "MessagingServiceSid"), 21603), (("Body",), 21602))
    for names, code in needed:
        if not any(body.get(name) for name in names):
            return Answer(400, _error(400, code, f"A '{names[0]}' is required"))
    sid = "SM" + uuid.uuid4().hex
    return Answer(201, json.dumps(_message(sid, body, credentials)).encode(), message_id=sid)


def _message(sid: str, body: dict[str, Any], credentials: Credentials) -> dict[str, Any]:
    account = f"/2010-04-01/Accounts/{credentials.account_sid}"
    return {
        "account_sid": credentials.account_sid,
        "api_version": "2010-04-01",
        "body": body["Body"],
        "date_created": formatdate(),
        "date_sent": None,
        "date_updated": formatdate(),
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": body.get("From"),
        "messaging_service_sid": body.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "sid": sid,
        "status": "queued" if body.get("From") else "accepted",
        "subresource_uris": {"media": f"{account}/Messages/{sid}/Media.json"},
        "to": body["To"],
        "uri": f"{account}/Messages/{sid}.json",
    }


API = Api(
    prefix="/2010-04-01/",
    addressed=lambda _request, body: (body.get("To", ""), body.get("Body", "")),
    usual=_answer,
    error=_scripted,
)
