"""`/callbacks`: providers report what became of messages. Their signature is the credential; there is no API key."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, request
from flask.views import MethodView

from sentinel.api.parsing import StrictBlueprint, read_json
from sentinel.channels import sendgrid_reports, twilio_reports
from sentinel.channels.signatures import is_by_sendgrid, is_by_twilio, twilio_secret
from sentinel.clock import utc_now
from sentinel.errors import FieldError, ForbiddenError, InvalidInputError
from sentinel.logs import get_logger
from sentinel.metrics import count
from sentinel.services.reporting import receipts
from sentinel.services.unit_of_work import unit_of_work
from sentinel.settings import Settings

log = get_logger(__name__)

SIGNATURES = {
    "twilio": ("X-Twilio-Signature",),
    "sendgrid": ("X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"),
}

NOTIFICATION_ID = {
    "in": "query",
    "name": "notification_id",
    "required": False,
    "schema": {"type": "string", "format": "uuid"},
    "description": "Sentinel puts it into the address that it gives to Twilio",
}

blueprint = StrictBlueprint(
    "callbacks", __name__, url_prefix="/callbacks", description="What providers report; signed by them"
)


def _signed(provider: str) -> list[dict[str, Any]]:
    return [
        {"in": "header", "name": name, "required": True, "schema": {"type": "string"}} for name in SIGNATURES[provider]
    ]


@blueprint.route("/twilio")
class TwilioCallback(MethodView):
    """Status callbacks."""

    @blueprint.response(204)
    @blueprint.refuses(403, 413, 415, 422, 503)
    @blueprint.doc(
        security=[],
        parameters=[*_signed("twilio"), NOTIFICATION_ID],
        requestBody={
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "properties": {name: {"type": "string"} for name in twilio_reports.KEPT},
                    }
                }
            },
        },
    )
    def post(self) -> Response:
        """Take in a status callback of Twilio.

        Stored before the answer, read afterwards; the same report again changes nothing.
        """
        _require_twilio(current_app.config["SENTINEL"])
        notification_id = request.args.get("notification_id")
        with unit_of_work() as uow:
            report = twilio_reports.read(request.form, notification_id, now=uow.now)
            if report is None:
                message, remedy = "is missing", "send Twilio's status callback as it comes"
                raise InvalidInputError(FieldError("MessageSid, MessageStatus", None, message, remedy))
            receipts.take_in(uow, [report])
        return Response(status=204)


def _require_twilio(settings: Settings) -> None:
    secret = twilio_secret(settings)
    if secret is None or not settings.public_base_url:
        remedy = "set TWILIO_AUTH_TOKEN and PUBLIC_BASE_URL"
        raise ForbiddenError(f"reports of Twilio cannot be checked here: {remedy}")
    # The address as Twilio was told it: behind a proxy ours looks different.
    query = request.query_string.decode("latin-1")
    url = f"{settings.public_base_url}{twilio_reports.CALLBACK_PATH}{'?' if query else ''}{query}"
    if not is_by_twilio(url, request.form, request.headers, secret=secret):
        raise _not_signed("twilio", "check PUBLIC_BASE_URL and TWILIO_AUTH_TOKEN")


@blueprint.route("/sendgrid")
class SendGridCallback(MethodView):
    """Events of mails."""

    @blueprint.response(204)
    @blueprint.refuses(400, 403, 413, 415, 422, 503)
    @blueprint.doc(
        security=[],
        parameters=_signed("sendgrid"),
        requestBody={
            "required": True,
            "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}},
        },
    )
    def post(self) -> Response:
        """Take in a batch of SendGrid's event webhook.

        Stored before the answer, read afterwards; the same event again changes nothing. Events of mails that other
        programs send with the same account are left out.
        """
        _require_sendgrid(current_app.config["SENTINEL"])
        events = read_json()
        if not isinstance(events, list):
            raise InvalidInputError(
                FieldError("request", None, "is not an array", "send SendGrid's events as they come")
            )
        with unit_of_work() as uow:
            reports = [report for each in events if (report := sendgrid_reports.read(each, now=uow.now))]
            receipts.take_in(uow, reports)
            if len(reports) < len(events):
                uow.count("receipts_total", len(events) - len(reports), provider="sendgrid", kind="foreign")
        return Response(status=204)


def _require_sendgrid(settings: Settings) -> None:
    key = settings.sendgrid_webhook_public_key
    if key is None:
        raise ForbiddenError("reports of SendGrid cannot be checked here: set SENDGRID_WEBHOOK_PUBLIC_KEY")
    tolerance = settings.callback_tolerance_seconds
    body = request.get_data(cache=True)
    if not is_by_sendgrid(body, request.headers, public_key=key, now=utc_now(), tolerance_seconds=tolerance):
        raise _not_signed("sendgrid", "check SENDGRID_WEBHOOK_PUBLIC_KEY and this machine's clock")


def _not_signed(provider: str, remedy: str) -> ForbiddenError:
    count("receipts_refused_total", provider=provider)
    log.warning("report_refused", provider=provider)
    return ForbiddenError(f"the signature does not fit; {remedy}")
