"""Amazon SNS: it signs what it sends with a certificate of its own, and asks once whether it may send."""

from __future__ import annotations

from typing import NoReturn
from uuid import UUID

from flask import Response
from flask.views import MethodView
from werkzeug.exceptions import ServiceUnavailable

from sentinel.api.answers import json_response
from sentinel.api.parsing import SNS, StrictBlueprint, read_json
from sentinel.api.schemas.event import EventReceipt
from sentinel.api.schemas.sender import SNS_BODY, SenderAnswer
from sentinel.api.senders.taking import INTEGRATION_ID, not_signed, sender_at, take_in
from sentinel.clock import utc_now
from sentinel.errors import ForbiddenError
from sentinel.integrations import sns, sns_signatures
from sentinel.integrations.reading import refusal
from sentinel.integrations.sns import Envelope
from sentinel.integrations.sns_signatures import UnreachableError
from sentinel.logs import get_logger
from sentinel.services.integrations import Sender
from sentinel.services.unit_of_work import unit_of_work
from sentinel.settings import get_settings

log = get_logger(__name__)

AGAIN_SECONDS = 5

blueprint = StrictBlueprint(SNS, __name__, url_prefix="/integrations/sns", description="Messages of Amazon SNS")


@blueprint.route("/<uuid:integration_id>", parameters=[INTEGRATION_ID])
class FromSns(MethodView):
    """Messages of Amazon SNS."""

    @blueprint.response(202, EventReceipt, headers={"Location": {"schema": {"type": "string"}}})
    @blueprint.alt_response(200, schema=SenderAnswer, description="Of a confirmation: nothing has happened")
    @blueprint.refuses(400, 403, 404, 413, 415, 422, 503)
    @blueprint.doc(security=[], requestBody=SNS_BODY)
    def post(self, integration_id: UUID) -> Response:
        """Take in a message of SNS, or confirm the subscription; the same message again is a duplicate.

        An alarm of CloudWatch becomes an alert. SNS says that its JSON is `text/plain`; any type is understood.
        """
        sender = sender_at("sns", integration_id)
        envelope = sns.opened(read_json())
        _require_sns(sender, envelope)
        if envelope.type == sns.SUBSCRIPTION:
            return _confirmed(envelope)
        if envelope.type == sns.UNSUBSCRIPTION:
            log.warning("sns_unsubscribed", topic=envelope.topic_arn, client=sender.caller.client_name)
            return json_response({"message": "noted"})
        event = sns.read(envelope)
        with unit_of_work() as uow:
            return take_in(uow, sender.caller, event)


def _require_sns(sender: Sender, envelope: Envelope) -> None:
    if sender.topic_arn not in (None, envelope.topic_arn):
        raise ForbiddenError("this integration takes messages of another topic; see its topic_arn")
    base = get_settings().sns_base_url
    if not sns_signatures.is_certificate_address(envelope.certificate_url, base=base):
        raise not_signed("sns", "SigningCertURL is not an address of Amazon SNS")
    try:
        certificate = sns_signatures.certificate_at(envelope.certificate_url)
    except UnreachableError as error:
        _later(error)
    if not sns_signatures.is_signed(envelope, certificate, now=utc_now()):
        raise not_signed("sns", "send the message as SNS sends it, and leave raw message delivery off")


def _confirmed(envelope: Envelope) -> Response:
    url = str(envelope.subscribe_url)
    if not sns_signatures.is_confirmation_address(url, base=get_settings().sns_base_url):
        raise refusal("SubscribeURL", url, "is no address of SNS that confirms a subscription", "subscribe anew at SNS")
    try:
        sns_signatures.fetch(url)
    except UnreachableError as error:
        _later(error)
    log.info("sns_subscribed", topic=envelope.topic_arn)
    return json_response({"message": "confirmed"})


def _later(error: UnreachableError) -> NoReturn:
    """SNS sends again what is answered with 503, and only that."""
    raise ServiceUnavailable(f"{error}; send this again", retry_after=AGAIN_SECONDS) from error
