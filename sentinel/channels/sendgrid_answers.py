"""SendGrid's answers to `POST /v3/mail/send`. It has no error codes: status, field and words must be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sentinel.channels.base import Outcome
from sentinel.channels.outcomes import Ruling, by_status

if TYPE_CHECKING:
    from sentinel.channels.http import Reply  # who reads reports of SendGrid sends nothing

_BLOCK_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of answer: its status, and what its `errors[].field` and `errors[].message` look like."""

    status: int
    ruling: Ruling
    field: str = ""
    message: str = ""

    def fits(self, error: dict[str, Any]) -> bool:
        """Whether one item of `errors` is of this kind."""
        field, message = str(error.get("field") or ""), str(error.get("message") or "")
        return bool(re.search(self.field, field) and re.search(self.message, message, re.IGNORECASE))


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        400,
        Ruling(
            Outcome.RECIPIENT, "invalid_address", "Correct the address in the client's data; it is not tried again."
        ),
        field=r"^personalizations\.\d+\.to\b",
    ),
    Pattern(
        400,
        Ruling(Outcome.CONFIG, "invalid_sender", "Set SENDGRID_FROM_EMAIL to an address of a verified sender."),
        field=r"^from\b",
    ),
    Pattern(
        401,
        Ruling(
            Outcome.QUOTA,
            "credits_exceeded",
            "The plan's credits are used up: free plans start again each day, others each month; or upgrade the plan.",
        ),
        message="maximum credits exceeded",
    ),
    Pattern(
        403,
        Ruling(
            Outcome.QUOTA,
            "too_many_bad_requests",
            "SendGrid blocks the account for a while after many refused requests; look at the failures before it.",
            retry_after_seconds=_BLOCK_SECONDS,
        ),
        message="too many bad requests",
    ),
    Pattern(
        403,
        Ruling(
            Outcome.CONFIG,
            "unverified_sender",
            "Verify the address of SENDGRID_FROM_EMAIL in SendGrid's Sender Authentication.",
        ),
        message="verified sender identity",
    ),
)

STATUSES: dict[int, Ruling] = {
    401: Ruling(Outcome.CONFIG, "unauthorized", "Check SENDGRID_API_KEY: it is wrong, revoked or lacks Mail Send."),
    403: Ruling(Outcome.CONFIG, "forbidden", "Give the key of SENDGRID_API_KEY the Mail Send permission."),
    451: Ruling(
        Outcome.CONFIG, "wrong_region", "Set SENDGRID_API_BASE_URL=https://api.eu.sendgrid.com for EU accounts."
    ),
    200: Ruling(
        Outcome.MESSAGE,
        "not_queued",
        "SendGrid answers 200 in its sandbox mode only: nothing was sent; switch mail_settings.sandbox_mode off.",
    ),
}


def errors_of(reply: Reply) -> list[dict[str, Any]]:
    """The items of `errors`; none when the body is HTML, empty or broken."""
    errors = reply.json_object().get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def ruling_for(reply: Reply, errors: list[dict[str, Any]]) -> Ruling:
    """The first pattern that fits any item, or what the status alone says."""
    for pattern in PATTERNS:
        if pattern.status == reply.status and any(pattern.fits(error) for error in errors):
            return pattern.ruling
    return STATUSES.get(reply.status) or by_status(reply)
