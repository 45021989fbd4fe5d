"""What goes over the wire: parsed requests, answers, and whom the stand-ins let in."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made_by
from typing import Any
from urllib.parse import parse_qsl

from sentinel.stand_ins.faults import Fault
from sentinel.stand_ins.ledger import Entry

ACCOUNT_SID = "AC" + "0123456789abcdef" * 2
AUTH_TOKEN = "stand-in-auth-token"
API_KEY = "SG.stand-in.api-key"
BOT_TOKEN = "xoxb-stand-in-bot-token"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of the stand-in alone").decode()


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whom the stand-in lets in."""

    account_sid: str = ACCOUNT_SID
    auth_token: str = AUTH_TOKEN
    api_key: str = API_KEY
    bot_token: str = BOT_TOKEN
    webhook_secret: str = WEBHOOK_SECRET

    @property
    def basic(self) -> str:
        """The Authorization header of Twilio's account."""
        return "Basic " + base64.b64encode(f"{self.account_sid}:{self.auth_token}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Request:
    """One parsed request."""

    method: str
    path: str
    headers: dict[str, str]
    raw_body: bytes

    def body(self) -> dict[str, Any]:
        """The form or JSON object that came; empty when it is neither."""
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.raw_body.decode(), keep_blank_values=True))
        try:
            value = json.loads(self.raw_body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; `message_id` is set when the message was accepted."""

    status: int
    body: bytes
    headers: dict[str, str] = made_by(default_factory=lambda: {"Content-Type": "application/json"})
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Api:
    """One provider's API: which paths are its own, whom a request is for, and what is answered."""

    prefix: str
    addressed: Callable[[Request, dict[str, Any]], tuple[str, str]]
    """Recipient and text of a request."""
    usual: Callable[[Request, dict[str, Any], Credentials], Answer]
    error: Callable[[int, Fault], bytes]
    """A scripted error as the provider writes it."""
    listed: Callable[[Request, Mapping[str, Sequence[Entry]], Credentials], Answer] | None = None
    """What a GET is answered, from what was taken, by recipient; None: like any other request."""
