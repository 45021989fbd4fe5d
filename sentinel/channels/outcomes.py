"""What an answer means: the statuses all HTTP providers share, and how a ruling becomes a receipt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sentinel.channels.base import Outcome, Receipt
from sentinel.channels.retry_after import asked_wait
from sentinel.clock import utc_now

if TYPE_CHECKING:
    from sentinel.channels.http import Reply, TransportError  # who reads reports of providers sends nothing

ACCOUNT_OUTCOMES = frozenset({Outcome.CONFIG, Outcome.QUOTA})
TOO_MANY_REQUESTS = 429
DETAIL_LIMIT = 300
_CAN_WAIT = {Outcome.RETRY, Outcome.AMBIGUOUS, Outcome.QUOTA}
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one code or status of a provider means, and what to do about it.

    `is_account_wide=False`: it holds for this destination only, so the account goes on.
    """

    outcome: Outcome
    reason: str
    hint: str | None = None
    retry_after_seconds: float | None = None
    is_account_wide: bool = True


UNSURE = "The provider may have processed the message; SENTINEL_AMBIGUOUS_POLICY decides what happens next."
_WRONG_URL = "Check the provider's base URL: it does not lead to the API."

STATUS_RULINGS: dict[int, Ruling] = {
    401: Ruling(Outcome.CONFIG, "unauthorized", "Check the provider's credentials: they were refused."),
    402: Ruling(Outcome.CONFIG, "payment_required", "Settle the provider account's balance."),
    403: Ruling(Outcome.CONFIG, "forbidden", "The credentials are known, but may not send; check their permissions."),
    404: Ruling(Outcome.CONFIG, "not_found", _WRONG_URL),
    405: Ruling(Outcome.CONFIG, "wrong_method", _WRONG_URL),
    406: Ruling(Outcome.CONFIG, "not_acceptable", _WRONG_URL),
    407: Ruling(Outcome.CONFIG, "proxy_refused", "A proxy between Sentinel and the provider wants credentials."),
    408: Ruling(Outcome.AMBIGUOUS, "request_timeout", UNSURE),
    413: Ruling(Outcome.MESSAGE, "too_large", "Shorten the message: the provider refuses its size."),
    415: Ruling(Outcome.MESSAGE, "unsupported_media", "The provider refuses this kind of content."),
    425: Ruling(Outcome.RETRY, "too_early"),
    429: Ruling(Outcome.RETRY, "rate_limited", "Lower the rate with SENTINEL_LIMITS, or ask the provider for more."),
    451: Ruling(Outcome.CONFIG, "wrong_region", "The account lives in another region; set that region's base URL."),
    500: Ruling(Outcome.AMBIGUOUS, "server_error", UNSURE),
    502: Ruling(Outcome.AMBIGUOUS, "bad_gateway", UNSURE),
    503: Ruling(Outcome.RETRY, "unavailable"),
    504: Ruling(Outcome.AMBIGUOUS, "gateway_timeout", UNSURE),
}

_OTHER_SERVER_ERROR = Ruling(Outcome.AMBIGUOUS, "server_error", UNSURE)
_OTHER_REFUSAL = Ruling(Outcome.MESSAGE, "refused", "The provider refuses this message; see its own words.")
_CUT_OFF = Ruling(Outcome.RETRY, "answer_cut_off", "The provider refused, but its reason was cut off on the way.")
_UNEXPECTED = Ruling(
    Outcome.MESSAGE,
    "unexpected_status",
    "This is not how the provider accepts a message; check its base URL and any proxy in between.",
)
_TLS_CERTIFICATE = "The provider's TLS certificate is not trusted; check the base URL, or set SSL_CERT_FILE."


def by_status(reply: Reply) -> Ruling:
    """The ruling for a status without a code that the provider's own table knows."""
    if reply.status in STATUS_RULINGS:
        return STATUS_RULINGS[reply.status]
    if reply.status >= 500:  # noqa: PLR2004 # where HTTP's server errors begin
        return _OTHER_SERVER_ERROR
    if reply.status < 400:  # noqa: PLR2004 # neither a refusal nor the acceptance we know
        return _UNEXPECTED
    return _CUT_OFF if reply.is_broken else _OTHER_REFUSAL


def refusal(ruling: Ruling, reply: Reply, *, detail: str, code: str | None = None) -> Receipt:
    """The receipt of an answer that is not an acceptance. `detail` must be free of secrets: see `shown`."""
    wait = asked_wait(reply.headers, now=utc_now()) if ruling.outcome in _CAN_WAIT else None
    return Receipt(
        ruling.outcome,
        reason=ruling.reason,
        http_status=reply.status,
        provider_code=code,
        detail=detail or None,
        hint=ruling.hint,
        retry_after_seconds=ruling.retry_after_seconds if wait is None else wait,
        is_account_wide=ruling.is_account_wide,
    )


def receipt_of(ruling: Ruling, detail: str) -> Receipt:
    """The receipt of a try that came to no answer."""
    return Receipt(
        ruling.outcome,
        reason=ruling.reason,
        detail=detail,
        hint=ruling.hint,
        is_account_wide=ruling.is_account_wide,
    )


def unanswered(error: TransportError) -> Receipt:
    """The receipt of a request that got no answer."""
    if error.reason == "tls_certificate":
        return Receipt(Outcome.CONFIG, reason=error.reason, detail=str(error), hint=_TLS_CERTIFICATE)
    if error.is_ambiguous:
        return Receipt(Outcome.AMBIGUOUS, reason=error.reason, detail=str(error), hint=UNSURE)
    return Receipt(Outcome.RETRY, reason=error.reason, detail=str(error))


SHOWN_OF_LINK = 8
"""Characters of a link's token that say nothing: its first are a part of a random id, without any of its signature."""


def shown(text: str, *, secrets: Iterable[str]) -> str:
    """A provider's words on one line, capped, with our secrets blotted out should it repeat them."""
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return _UNPRINTABLE.sub(" ", text).strip()[:DETAIL_LIMIT]


def unlinked(receipt: Receipt, link: str | None) -> Receipt:
    """Blot out the link of a message where its receiver repeats it, also cut off: whoever reads it could act by it.

    What is left of a link that was cut off sooner is no more than a part of its random id.
    """
    if link is None or not receipt.detail:
        return receipt
    token = link.rpartition("/")[2]
    return replace(receipt, detail=re.sub(rf"{re.escape(token[:SHOWN_OF_LINK])}[\w-]*", "***", receipt.detail))


def concerns_account(receipt: Receipt) -> bool:
    """Whether the answer speaks of our account, so that every other message would meet the same."""
    if not receipt.is_account_wide:
        return False
    if receipt.outcome in ACCOUNT_OUTCOMES:
        return True
    asked_to_wait = receipt.retry_after_seconds is not None
    return receipt.outcome is Outcome.RETRY and (receipt.http_status == TOO_MANY_REQUESTS or asked_to_wait)
