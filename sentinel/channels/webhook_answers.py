"""What a webhook's receiver means by its answer. None of it speaks of us: another receiver may be well."""

from __future__ import annotations

from sentinel.channels.base import Outcome, Receipt
from sentinel.channels.http import TransportError
from sentinel.channels.outcomes import Ruling, receipt_of

_CREDENTIALS = "The receiver wants credentials: accept requests by their signature, or put a token into the URL."
_URL = "Check the endpoint's URL: the receiver knows nothing there."
_OURS = "Look into the receiver's log: it refuses this message."
_PRIVATE = "Use a public address, or name its network in SENTINEL_WEBHOOK_PRIVATE_NETWORKS."
_KEY = "Add the key that sealed it to SENTINEL_SECRET_KEYS, or give the endpoint a new secret."
_SECRET = "Give the endpoint a secret of the form whsec_ and base64."  # noqa: S105 - a hint


def _recipient(reason: str, hint: str) -> Ruling:
    return Ruling(Outcome.RECIPIENT, reason, hint, is_account_wide=False)


def _message(reason: str, hint: str) -> Ruling:
    return Ruling(Outcome.MESSAGE, reason, hint, is_account_wide=False)


def _later(reason: str, hint: str | None = None) -> Ruling:
    return Ruling(Outcome.RETRY, reason, hint, is_account_wide=False)


STATUSES: dict[int, Ruling] = {
    400: _message("refused", _OURS),
    401: _recipient("unauthorized", _CREDENTIALS),
    403: _recipient("forbidden", _CREDENTIALS),
    404: _recipient("not_found", _URL),
    405: _recipient("wrong_method", "The receiver must accept POST."),
    408: _later("request_timeout"),
    410: _recipient("endpoint_gone", "The receiver says that this endpoint will not come back; disable or correct it."),
    413: _message("too_large", "Let the receiver accept larger requests, or shorten the message."),
    415: _message("unsupported_media", "The receiver must accept application/json."),
    425: _later("too_early"),
    429: _later("rate_limited", "Lower the rate with SENTINEL_LIMITS (scope `endpoint`), or raise the receiver's."),
    500: _later("server_error"),
    502: _later("bad_gateway"),
    503: _later("unavailable"),
    504: _later("gateway_timeout"),
}
_REDIRECTED = _recipient("redirected", "Redirects are not followed; store the URL that it leads to.")
_OTHER_REFUSAL = _message("refused", _OURS)
_OTHER_TROUBLE = _later("server_error")
_UNEXPECTED = _recipient("unexpected_status", "The receiver must answer with a status of 200 to 299.")

FORBIDDEN = _recipient("forbidden_address", _PRIVATE)
INVALID_URL = _recipient("invalid_url", "Correct the endpoint's URL.")
INVALID_SECRET = Ruling(Outcome.CONFIG, "invalid_secret", _SECRET, is_account_wide=False)
UNREADABLE_SECRET = Ruling(Outcome.CONFIG, "secret_unreadable", _KEY, is_account_wide=False)
UNANSWERED: dict[str, Ruling] = {
    "forbidden_address": FORBIDDEN,
    "invalid_url": INVALID_URL,
    "tls_certificate": _later(
        "tls_certificate", "The receiver's certificate is not trusted: renew it, or set SSL_CERT_FILE."
    ),
}


def ruling_for(status: int) -> Ruling:
    """The ruling for a status that is not 2xx."""
    if status in STATUSES:
        return STATUSES[status]
    if 300 <= status < 400:  # noqa: PLR2004 # where HTTP's redirects are
        return _REDIRECTED
    if 400 <= status < 500:  # noqa: PLR2004 # where HTTP's refusals are
        return _OTHER_REFUSAL
    return _OTHER_TROUBLE if status >= 500 else _UNEXPECTED  # noqa: PLR2004 # where HTTP's server errors begin


def unanswered(error: TransportError) -> Receipt:
    """The receipt of a request without an answer. It may have been processed, and may be repeated all the same.

    The webhook-id of the repetition is that of the first, so the receiver can tell: no policy is asked.
    """
    return receipt_of(UNANSWERED.get(error.reason, _later(error.reason)), str(error))
