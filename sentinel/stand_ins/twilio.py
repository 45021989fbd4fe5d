"""Twilio's `Messages.json`: takes messages, and lists those it took."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from sentinel.stand_ins.faults import Fault
from sentinel.stand_ins.ledger import Entry
from sentinel.stand_ins.messages import Answer, Api, Credentials, Request

LARGEST_PAGE = 1000


def _error(status: int, code: int | None, message: str) -> bytes:
    if code is None:
        return json.dumps({"message": message, "status": status}).encode()
    page = f"https://www.twilio.com/docs/errors/{code}"
    return json.dumps({"code": code, "message": message, "more_info": page, "status": status}).encode()


def _scripted(status: int, fault: Fault) -> bytes:
    return _error(status, fault.code, fault.message)


def _address(credentials: Credentials) -> str:
    return f"/2010-04-01/Accounts/{credentials.account_sid}/Messages.json"


def _unauthorized() -> Answer:
    return Answer(401, _error(401, 20003, "Authenticate"))


def _unknown(request: Request) -> Answer:
    return Answer(404, _error(404, 20404, f"The requested resource {request.path} was not found"))


def _answer(request: Request, body: dict[str, Any], credentials: Credentials) -> Answer:
    if request.headers.get("authorization") != credentials.basic:
        return _unauthorized()
    if request.path != _address(credentials) or request.method != "POST":
        return _unknown(request)
    needed = ((("To",), 21604), (("From", "MessagingServiceSid"), 21603), (("Body",), 21602))
    for names, code in needed:
        if not any(body.get(name) for name in names):
            return Answer(400, _error(400, code, f"A '{names[0]}' is required"))
    sid = "SM" + uuid.uuid4().hex
    return Answer(201, json.dumps(_message(sid, body, credentials, datetime.now(UTC))).encode(), message_id=sid)


def _message(sid: str, body: dict[str, Any], credentials: Credentials, made_at: datetime) -> dict[str, Any]:
    account = f"/2010-04-01/Accounts/{credentials.account_sid}"
    return {
        "account_sid": credentials.account_sid,
        "api_version": "2010-04-01",
        "body": body["Body"],
        "date_created": format_datetime(made_at),
        "date_sent": None,
        "date_updated": format_datetime(made_at),
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


def _listed(request: Request, taken: Mapping[str, Sequence[Entry]], credentials: Credentials) -> Answer:
    """One page of what was taken for one number, newest first; whoever sent it may never have heard of it."""
    if request.headers.get("authorization") != credentials.basic:
        return _unauthorized()
    address = urlsplit(request.path)
    if address.path != _address(credentials):
        return _unknown(request)
    query = dict(parse_qsl(address.query))
    wanted = [entry for entry in reversed(taken.get(query.get("To", ""), ())) if _is_wanted(entry, address.path, query)]
    return Answer(200, json.dumps(_page(address.path, query, wanted, credentials)).encode())


def _is_wanted(entry: Entry, path: str, query: dict[str, str]) -> bool:
    return entry.path == path and query.get("From") in (None, entry.body.get("From"))


def _page(path: str, query: dict[str, str], wanted: Sequence[Entry], credentials: Credentials) -> dict[str, Any]:
    """As Twilio has it: a page begins behind the message that its token names; `Page` only counts."""
    size = min(int(query.get("PageSize", "50")), LARGEST_PAGE)
    ids = [entry.message_id for entry in wanted]
    start = ids.index(query["PageToken"].removeprefix("PA")) + 1 if "PageToken" in query else 0
    shown, number = wanted[start : start + size], int(query.get("Page", "0"))
    following = (
        {**query, "PageSize": size, "Page": number + 1, "PageToken": f"PA{shown[-1].message_id}"} if shown else {}
    )
    has_more = len(wanted) > start + size
    return {
        "end": start + len(shown) - 1,
        "first_page_uri": f"{path}?{urlencode(query | {'PageSize': str(size), 'Page': '0'})}",
        "messages": [_shown(entry, credentials) for entry in shown],
        "next_page_uri": f"{path}?{urlencode(following)}" if has_more else None,
        "page": number,
        "page_size": size,
        "previous_page_uri": None,
        "start": start,
        "uri": f"{path}?{urlencode(query)}",
    }


def _shown(entry: Entry, credentials: Credentials) -> dict[str, Any]:
    made_at = datetime.fromtimestamp(entry.at, UTC)
    message = _message(str(entry.message_id), entry.body, credentials, made_at)
    return message | {"status": "sent", "date_sent": format_datetime(made_at)}


API = Api(
    prefix="/2010-04-01/",
    addressed=lambda _request, body: (body.get("To", ""), body.get("Body", "")),
    usual=_answer,
    error=_scripted,
    listed=_listed,
)
