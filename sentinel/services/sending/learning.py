"""What refusals teach: addresses that can never be reached, and endpoints that will not come back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sentinel.channels.base import Outcome, Receipt
from sentinel.channels.sender import Sent
from sentinel.models.suppression import SuppressionReason
from sentinel.queries import endpoints, suppressions
from sentinel.services.suppressions import NewSuppression, suppress_many
from sentinel.services.unit_of_work import UnitOfWork

# Not among them are refusals that another sender, route or setting may end: 21214 and 21612 (no route to the number),
# and everything that Slack and webhooks say, whose targets people mend without changing them.
_PHONES = {
    "invalid_number": SuppressionReason.INVALID,
    "landline": SuppressionReason.INVALID,
    "not_mobile": SuppressionReason.INVALID,
    "opted_out": SuppressionReason.OPTED_OUT,
    "premium_number": SuppressionReason.INVALID,
    "short_code": SuppressionReason.INVALID,
}

FINAL_WORDS: Mapping[str, Mapping[str, SuppressionReason]] = {
    "twilio": _PHONES,
    "sandbox": _PHONES,
    "sendgrid": {"invalid_address": SuppressionReason.INVALID},
}
"""Provider → the reason of a receipt that speaks of the address itself → why it is suppressed."""

# RFC 3463, 3.2: no such mailbox, no such host, bad syntax, moved away; RFC 7505: takes no mail. A bare 550 may as well
# mean that the server does not like us.
_NO_MAILBOX = re.compile(r"5\.1\.(1|2|3|6|10)\b")

GONE = 410
"""By this a receiver says that it will not come back (RFC 9110, 15.5.11); Standard Webhooks wants it disabled then."""


def verdict(provider: str, receipt: Receipt) -> SuppressionReason | None:
    """Why the address is not to be written to again after this receipt; None if it may be."""
    if receipt.outcome is not Outcome.RECIPIENT:
        return None
    if provider == "smtp":
        return SuppressionReason.INVALID if _NO_MAILBOX.match(receipt.detail or "") else None
    return FINAL_WORDS.get(provider, {}).get(receipt.reason or "")


def is_gone(receipt: Receipt) -> bool:
    """Whether the receiver itself says that it will not come back; Slack says 410 of archived channels as well."""
    return receipt.http_status == GONE and receipt.reason == "endpoint_gone"


def learn(uow: UnitOfWork, provider: str, sent: Sequence[Sent]) -> None:
    """Suppress the addresses that these tries have shown to be dead, and disable the endpoints that are gone."""
    dead = {each.message.id: reason for each in sent if (reason := verdict(provider, each.receipt))}
    if dead:
        addresses = suppressions.addresses_of(uow.session, list(dead))
        suppress_many(
            uow,
            [
                NewSuppression(client_id, channel, recipient, dead[told_by], provider, told_by)
                for told_by, client_id, channel, recipient in addresses
            ],
        )
    gone = [each.message.id for each in sent if each.message.endpoint_id is not None and is_gone(each.receipt)]
    if gone:
        endpoints.disable_gone(uow.session, gone, now=uow.now)
