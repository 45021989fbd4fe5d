"""What the services that messages are pushed to mean by their answers. None speaks of us: each target has a token."""

from __future__ import annotations

import re
from dataclasses import replace

from sentinel.channels.base import Outcome, Receipt
from sentinel.channels.http import Reply, TransportError
from sentinel.channels.outcomes import UNSURE, Ruling, receipt_of

_TOKEN = "The service refuses the token in the target: make a new one, and store the new target."  # noqa: S105
_TARGET = "The service does not know this target: check it, or make a new one there."
_TEXT = "The service refuses this message; see its own words."
_SLOWER = "Lower the rate with SENTINEL_LIMITS (scope `endpoint`): the service limits each target."
_CHAT = "Check the chat's id, and add the bot to the chat."
_BLOCKED = "The person or the group has blocked the bot, or removed it; only they can let it in again."
_PRIVATE = "Use a public address, or name its network in SENTINEL_WEBHOOK_PRIVATE_NETWORKS."
_MONTH = "The application's messages of this month are used up; buy more at Pushover, or wait for the next month."
_CERTIFICATE = "The server's certificate is not trusted: renew it, or set SSL_CERT_FILE."


def _here(outcome: Outcome, reason: str, hint: str | None = None) -> Ruling:
    return Ruling(outcome, reason, hint, is_account_wide=False)


STATUSES: dict[int, Ruling] = {
    400: _here(Outcome.MESSAGE, "refused", _TEXT),
    401: _here(Outcome.RECIPIENT, "unauthorized", _TOKEN),
    403: _here(Outcome.RECIPIENT, "forbidden", _TOKEN),
    404: _here(Outcome.RECIPIENT, "not_found", _TARGET),
    405: _here(Outcome.RECIPIENT, "wrong_method", _TARGET),
    408: _here(Outcome.AMBIGUOUS, "request_timeout", UNSURE),
    410: _here(Outcome.RECIPIENT, "endpoint_gone", _TARGET),
    413: _here(Outcome.MESSAGE, "too_large", "Shorten the message: the service refuses its size."),
    415: _here(Outcome.MESSAGE, "unsupported_media", _TEXT),
    425: _here(Outcome.RETRY, "too_early"),
    429: _here(Outcome.RETRY, "rate_limited", _SLOWER),
    500: _here(Outcome.AMBIGUOUS, "server_error", UNSURE),
    502: _here(Outcome.AMBIGUOUS, "bad_gateway", UNSURE),
    503: _here(Outcome.RETRY, "unavailable"),
    504: _here(Outcome.AMBIGUOUS, "gateway_timeout", UNSURE),
}
_REDIRECTED = _here(Outcome.RECIPIENT, "redirected", "Redirects are not followed; store the server that it leads to.")
_OTHER_REFUSAL = _here(Outcome.MESSAGE, "refused", _TEXT)
_OTHER_TROUBLE = _here(Outcome.AMBIGUOUS, "server_error", UNSURE)
_UNEXPECTED = _here(Outcome.RECIPIENT, "unexpected_status", _TARGET)


WORDS: tuple[tuple[str, int, str, Ruling], ...] = (
    # https://core.telegram.org/api/errors
    ("tgram", 400, "chat not found", _here(Outcome.RECIPIENT, "chat_not_found", _CHAT)),
    ("tgram", 400, "upgraded to a supergroup", _here(Outcome.RECIPIENT, "chat_moved", _CHAT)),
    ("tgram", 400, "thread not found", _here(Outcome.RECIPIENT, "chat_not_found", _CHAT)),
    ("tgram", 403, "blocked by the user", _here(Outcome.RECIPIENT, "blocked", _BLOCKED)),
    ("tgram", 403, "kicked from", _here(Outcome.RECIPIENT, "blocked", _BLOCKED)),
    # https://pushover.net/api#response
    ("pover", 400, "user", _here(Outcome.RECIPIENT, "unknown_user", _TARGET)),
    ("pover", 400, "token", _here(Outcome.RECIPIENT, "unauthorized", _TOKEN)),
    ("pover", 429, "", _here(Outcome.RETRY, "quota_used_up", _MONTH)),
    # https://zulip.com/api/send-message
    ("zulip", 400, "does not exist", _here(Outcome.RECIPIENT, "not_found", _TARGET)),
    # https://developers.line.biz/en/reference/messaging-api/#send-push-message
    ("line", 400, "'to'", _here(Outcome.RECIPIENT, "unknown_user", _TARGET)),
)
"""Scheme of the service, status, words of the answer in lower case: what is meant by them, the first that fits."""

INVALID_TARGET = _here(Outcome.RECIPIENT, "invalid_target", "Correct the target: apprise does not understand it.")
FORBIDDEN = _here(Outcome.RECIPIENT, "forbidden_address", _PRIVATE)
PARTLY_SENT = _here(
    Outcome.AMBIGUOUS, "partly_sent", "The first pieces have arrived; another try would send them again. Shorten it."
)
UNANSWERED: dict[str, Ruling] = {
    "forbidden_address": FORBIDDEN,
    "invalid_url": INVALID_TARGET,
    "tls_certificate": _here(Outcome.RETRY, "tls_certificate", _CERTIFICATE),
}

_WAIT = re.compile(r'"retry_after":\s*(\d{1,9}(?:\.\d{1,9})?)')


def ruling_for(scheme: str, reply: Reply) -> Ruling:
    """The ruling for an answer that is not 2xx."""
    said = reply.text.lower()
    for service, status, words, ruling in WORDS:
        if (service, status) == (scheme, reply.status) and words in said:
            return ruling
    return _waiting(STATUSES.get(reply.status) or _other(reply.status), said)


def unanswered(error: TransportError) -> Receipt:
    """The receipt of a request without an answer: none of these services tells a message that comes again."""
    other = _here(Outcome.AMBIGUOUS, error.reason, UNSURE) if error.is_ambiguous else _here(Outcome.RETRY, error.reason)
    return receipt_of(UNANSWERED.get(error.reason, other), str(error))


def _waiting(ruling: Ruling, said: str) -> Ruling:
    """Telegram and Discord say in the body how long to wait; a header, if there is one, goes before it."""
    found = _WAIT.search(said) if ruling.outcome is Outcome.RETRY else None
    return replace(ruling, retry_after_seconds=float(found[1])) if found else ruling


def _other(status: int) -> Ruling:
    if 300 <= status < 400:  # noqa: PLR2004 # where HTTP's redirects are
        return _REDIRECTED
    if 400 <= status < 500:  # noqa: PLR2004 # where HTTP's refusals are
        return _OTHER_REFUSAL
    return _OTHER_TROUBLE if status >= 500 else _UNEXPECTED  # noqa: PLR2004 # where HTTP's server errors begin
