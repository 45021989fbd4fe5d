"""A receiver of webhooks that checks signatures with the specification's own library.

Paths below `/hooks/open/` take unsigned requests too, as an endpoint without a secret does.
"""

from __future__ import annotations

import json
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sentinel.stand_ins.faults import Fault
from sentinel.stand_ins.messages import Answer, Api, Credentials, Request

_OPEN = "/hooks/open/"


def _addressed(request: Request, body: dict[str, Any]) -> tuple[str, str]:
    data = body.get("data")
    return request.path, str(data.get("body", "")) if isinstance(data, dict) else ""


def _received(request: Request, _body: dict[str, Any], credentials: Credentials) -> Answer:
    if not (request.path.startswith(_OPEN) and "webhook-signature" not in request.headers):
        try:
            Webhook(credentials.webhook_secret).verify(request.raw_body, request.headers)
        except (WebhookVerificationError, ValueError) as error:
            return Answer(401, json.dumps({"error": str(error)}).encode())
    return Answer(204, b"", {}, message_id=request.headers["webhook-id"])


def _scripted(_status: int, fault: Fault) -> bytes:
    return json.dumps({"error": fault.message}).encode()


API = Api(prefix="/hooks/", addressed=_addressed, usual=_received, error=_scripted)
