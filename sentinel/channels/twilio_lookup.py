"""Twilio's list of messages, asked for a send in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from sentinel.channels.base import Finding, Message, Question, Sighting
from sentinel.channels.http import HttpTransport, Reply, TransportError
from sentinel.settings import Settings

PAGE_SIZE = 50
MOST_PAGES = 5
PAGE_BYTES = 1_048_576
"""A page of 50 long texts, every letter of them escaped, is smaller."""

CLOCKS_DIFFER = timedelta(seconds=60)
"""Twilio's clock may be behind ours; it writes whole seconds."""

TRIAL_WORDS = "Sent from your Twilio trial account - "
OK = 200


class MessageList:
    """The messages of an account to one number, newest first, read as far back as the send in doubt.

    They are not narrowed by `DateSent`: it counts whole days, and a message that still waits at Twilio has none.
    https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
    """

    def __init__(self, settings: Settings, transport: HttpTransport) -> None:
        self._sid = settings.twilio_account_sid or ""
        token = settings.twilio_auth_token
        self._auth = (self._sid, token.get_secret_value() if token else "")
        self._base_url = settings.twilio_api_base_url
        self._service = settings.twilio_messaging_service_sid
        self._number = None if self._service else settings.twilio_from_number
        self._transport = transport

    async def look_up(self, question: Question) -> Finding:
        """Return what has the recipient, the sender and the text of the message, and is not older than the doubt."""
        earliest = question.since - CLOCKS_DIFFER
        path: str | None = self._first_page(question.message)
        records: list[Mapping[str, Any]] = []
        for _ in range(MOST_PAGES):
            try:
                reply = await self._transport.get(f"{self._base_url}{path}", auth=self._auth, limit=PAGE_BYTES)
            except TransportError as error:
                return Finding(trouble=error.reason)
            page = _records(reply)
            if page is None:
                return Finding(trouble=f"http_{reply.status}" if reply.status != OK else "malformed_answer")
            recent = [record for record in page if _created_at(record) >= earliest]
            records += recent
            path = _next_page(reply)
            if path is None or not recent:
                return self._finding(records, question.message, trouble=None)
        return self._finding(records, question.message, trouble="too_many_messages")

    def _first_page(self, message: Message) -> str:
        sender = {"From": self._number} if self._number else {}
        query = urlencode({"To": message.recipient, **sender, "PageSize": PAGE_SIZE})
        return f"/2010-04-01/Accounts/{self._sid}/Messages.json?{query}"

    def _finding(self, records: Iterable[Mapping[str, Any]], message: Message, *, trouble: str | None) -> Finding:
        ours = [record for record in records if self._is_by_us(record)]
        found = [Sighting(str(each["sid"]), _created_at(each)) for each in ours if _says(each, message.text)]
        # An account may have its texts struck out: then nobody can tell one message from another.
        withheld = "text_withheld" if any(not record.get("body") for record in ours) else None
        return Finding(tuple(sorted(found, key=lambda each: each.accepted_at)), trouble or withheld)

    def _is_by_us(self, record: Mapping[str, Any]) -> bool:
        service = record.get("messaging_service_sid")
        is_ours = self._service is None or service == self._service
        return is_ours and str(record.get("sid") or "").isalnum() and record.get("direction") == "outbound-api"


def _records(reply: Reply) -> list[Mapping[str, Any]] | None:
    """The messages of a page; None when it is not one."""
    found = reply.json_object().get("messages") if reply.status == OK else None
    return found if isinstance(found, list) and all(isinstance(each, dict) for each in found) else None


def _next_page(reply: Reply) -> str | None:
    path = reply.json_object().get("next_page_uri")
    # Only a path: our credentials go to no other host.
    return path if isinstance(path, str) and path.startswith("/") else None


def _created_at(record: Mapping[str, Any]) -> datetime:
    """When Twilio took the message in, by its own clock; long ago if it does not say."""
    try:
        found = parsedate_to_datetime(str(record.get("date_created")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _says(record: Mapping[str, Any], body: str) -> bool:
    """Whether the texts are the same, but for spaces and line ends, which are not ours to judge."""
    return _words(str(record.get("body") or "").removeprefix(TRIAL_WORDS)) == _words(body)


def _words(text: str) -> list[str]:
    return text.split()
