"""What providers report after they have accepted a message: signed as they sign, in any order, as often as wanted."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twilio.request_validator import RequestValidator

from sentinel.stand_ins.messages import Answer, Credentials

_EVENT_KEY = ec.derive_private_key(0x5E471E1, ec.SECP256R1())
EVENT_PUBLIC_KEY = base64.b64encode(
    _EVENT_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
"""For SENDGRID_WEBHOOK_PUBLIC_KEY: what the stand-in of SendGrid signs its events with."""

_WAIT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class News:
    """One report: the provider's own word, and what it says besides. `times`: so often the very same."""

    kind: str
    code: int | None = None
    type: str | None = None
    reason: str | None = None
    after_seconds: float = 0.0
    times: int = 1


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A callback as it goes over the wire."""

    headers: dict[str, str]
    body: bytes


def twilio_request(url: str, form: Mapping[str, str], token: str, algorithm: str | None = None) -> SignedRequest:
    """A status callback to `url`, with Twilio's signature."""
    signature = RequestValidator(token).compute_signature(url, dict(form), algorithm)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
    if algorithm:
        headers["X-Twilio-Webhooks-Signature-Settings"] = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
    return SignedRequest(headers, urlencode(form).encode())


def sendgrid_request(events: Any, *, at: float | None = None) -> SignedRequest:
    """A batch of the event webhook, with SendGrid's signature; it ends as theirs do, in CR LF."""
    body, stamp = json.dumps(events).encode() + b"\r\n", str(int(time.time() if at is None else at))
    signature = _EVENT_KEY.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    headers = {
        "Content-Type": "application/json",
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": stamp,
    }
    return SignedRequest(headers, body)


def status_form(sid: str, news: News, credentials: Credentials | None = None) -> dict[str, str]:
    """What Twilio says of a message."""
    form = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": news.kind, "SmsStatus": news.kind}
    form |= {"AccountSid": (credentials or Credentials()).account_sid, "ApiVersion": "2010-04-01"}
    return form | ({"ErrorCode": str(news.code)} if news.code else {})


def mail_event(message_id: str, notification_id: str, recipient: str, news: News) -> dict[str, Any]:
    """What SendGrid says of a mail."""
    event = {
        "email": recipient,
        "timestamp": int(time.time()),
        "event": news.kind,
        "sg_event_id": uuid.uuid4().hex,
        "sg_message_id": f"{message_id}.recvd-stand-in-1.0",
        "notification_id": notification_id,
    }
    more = {"type": news.type, "reason": news.reason, "status": news.code and str(news.code)}
    return event | {name: value for name, value in more.items() if value}


class Reporter:
    """Reports about the messages that one stand-in accepts, as its script says; without a script it says nothing."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.event_url: str | None = None
        """Where SendGrid's account sends its events; Twilio is told with each message."""
        self.always: list[News] = []
        self.by_recipient: dict[str, deque[list[News]]] = {}
        self.answers: list[int] = []
        """The statuses that reports were answered with."""
        self._running: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def script(self, wanted: dict[str, Any]) -> None:
        """Take over JSON; a key that is absent leaves its part as it is."""
        if "event_url" in wanted:
            self.event_url = wanted["event_url"]
        if "always" in wanted:
            self.always = _news(wanted["always"])
        for recipient, stories in wanted.get("recipients", {}).items():
            self.by_recipient[recipient] = deque(map(_news, stories))

    def forget(self) -> None:
        """Say nothing any more."""
        self.always, self.answers = [], []
        self.by_recipient.clear()

    def follow(self, body: dict[str, Any], recipient: str, answer: Answer) -> None:
        """Begin to report about a message just accepted: its recipient's next story (the last one stays)."""
        stories = self.by_recipient.get(recipient)
        story = (stories.popleft() if len(stories) > 1 else stories[0]) if stories else self.always
        if not story or answer.message_id is None:
            return
        if "StatusCallback" in body:
            self._start(self._tell_by_twilio(body["StatusCallback"], answer.message_id, story))
        elif "personalizations" in body and self.event_url:
            self._start(self._tell_by_sendgrid(self.event_url, body, recipient, answer.message_id, story))

    async def close(self) -> None:
        """Stop in the middle of whatever is being told."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _start(self, story: Any) -> None:
        task = asyncio.get_running_loop().create_task(story)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _tell_by_twilio(self, url: str, sid: str, story: Sequence[News]) -> None:
        for news in story:
            await asyncio.sleep(news.after_seconds)
            signed = twilio_request(url, status_form(sid, news, self._credentials), self._credentials.auth_token)
            for _ in range(news.times):
                await self._post(url, signed)

    async def _tell_by_sendgrid(
        self, url: str, body: dict[str, Any], recipient: str, message_id: str, story: Sequence[News]
    ) -> None:
        notification_id = body.get("custom_args", {}).get("notification_id", "")
        for after_seconds, batch in _batches(story).items():
            await asyncio.sleep(after_seconds)
            events = [mail_event(message_id, notification_id, recipient, news) for news in batch]
            repeated = [event for event, news in zip(events, batch, strict=True) for _ in range(news.times)]
            await self._post(url, sendgrid_request(repeated))

    async def _post(self, url: str, signed: SignedRequest) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_WAIT_SECONDS))
        try:
            async with self._session.post(url, data=signed.body, headers=signed.headers) as response:
                self.answers.append(response.status)
        except (aiohttp.ClientError, TimeoutError):
            self.answers.append(0)  # nobody there: providers give up too


def _news(story: Iterable[News | dict[str, Any]]) -> list[News]:
    return [each if isinstance(each, News) else News(**each) for each in story]


def _batches(story: Sequence[News]) -> dict[float, list[News]]:
    """Events that happen together come in one request."""
    found: dict[float, list[News]] = defaultdict(list)
    for news in story:
        found[news.after_seconds].append(news)
    return found
