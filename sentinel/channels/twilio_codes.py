"""Twilio's error codes of `POST …/Messages.json`: what each means and what to do about it."""

from __future__ import annotations

from sentinel.channels.base import Outcome
from sentinel.channels.outcomes import Ruling

ERROR_PAGE = "https://www.twilio.com/docs/errors/{code}"

_INVALID = "Correct the number in the client's data; it is not tried again."
_SENDER = "Set TWILIO_FROM_NUMBER or TWILIO_MESSAGING_SERVICE_SID to a sender this account may use for SMS."
_CREDENTIALS = "Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."
_ACCOUNT = "Sign in to Twilio's console: the account is suspended, closed or restricted."
_SERVICE = "Check TWILIO_MESSAGING_SERVICE_SID and its sender pool."
_UNSURE = "Twilio may have processed the message; SENTINEL_AMBIGUOUS_POLICY decides what happens next."
_WITHOUT_MEDIA = "Sentinel sends text only; check what was put into the message."

CODES: dict[int, Ruling] = {
    # --- certainly not processed, or perhaps ------------------------------------------------------------------------
    20429: Ruling(Outcome.RETRY, "rate_limited", "Lower the rate with SENTINEL_LIMITS, or ask Twilio for more."),
    20500: Ruling(Outcome.AMBIGUOUS, "server_error", _UNSURE),
    20503: Ruling(Outcome.RETRY, "unavailable"),
    # --- this recipient can never get an SMS ------------------------------------------------------------------------
    21211: Ruling(Outcome.RECIPIENT, "invalid_number", _INVALID),
    21214: Ruling(Outcome.RECIPIENT, "unreachable_number", "The number cannot be reached; use another channel."),
    21217: Ruling(Outcome.RECIPIENT, "invalid_number", _INVALID),
    21265: Ruling(Outcome.RECIPIENT, "short_code", "A short code cannot receive SMS; use a phone number."),
    21268: Ruling(Outcome.RECIPIENT, "premium_number", "Twilio does not send to premium numbers."),
    21610: Ruling(Outcome.RECIPIENT, "opted_out", "The recipient answered STOP; only START from that phone lifts it."),
    21612: Ruling(Outcome.RECIPIENT, "unreachable_number", "No route by SMS to this number; use another channel."),
    21614: Ruling(Outcome.RECIPIENT, "not_mobile", "The number is not a mobile one; use another channel."),
    21635: Ruling(Outcome.RECIPIENT, "landline", "The number is a landline; use another channel."),
    # --- this content can never be sent -----------------------------------------------------------------------------
    20001: Ruling(Outcome.MESSAGE, "invalid_parameter", "Twilio refuses a field; see its own words."),
    20422: Ruling(Outcome.MESSAGE, "invalid_parameter", "Twilio refuses a field; see its own words."),
    21602: Ruling(Outcome.MESSAGE, "empty_body", "Give the message a text."),
    21605: Ruling(Outcome.MESSAGE, "too_long", "Shorten the text to 1,600 characters."),
    21617: Ruling(Outcome.MESSAGE, "too_long", "Shorten the text to 1,600 characters."),
    21618: Ruling(Outcome.MESSAGE, "filtered_content", "Twilio's filter refuses this text; reword it."),
    21619: Ruling(Outcome.MESSAGE, "empty_body", "Give the message a text."),
    21620: Ruling(Outcome.MESSAGE, "invalid_media", _WITHOUT_MEDIA),
    21623: Ruling(Outcome.MESSAGE, "invalid_media", _WITHOUT_MEDIA),
    21654: Ruling(Outcome.MESSAGE, "invalid_variables", "The content variables do not fit the content template."),
    21656: Ruling(Outcome.MESSAGE, "invalid_variables", "The content variables do not fit the content template."),
    35115: Ruling(Outcome.MESSAGE, "invalid_send_time", "The time to send lies outside of what Twilio allows."),
    35118: Ruling(Outcome.MESSAGE, "needs_messaging_service", "Scheduling needs TWILIO_MESSAGING_SERVICE_SID."),
    # --- our account, credential or sender is wrong -----------------------------------------------------------------
    10001: Ruling(Outcome.CONFIG, "account_not_active", _ACCOUNT),
    20003: Ruling(Outcome.CONFIG, "unauthorized", _CREDENTIALS),
    20005: Ruling(Outcome.CONFIG, "account_not_active", _ACCOUNT),
    20006: Ruling(Outcome.CONFIG, "access_denied", _ACCOUNT),
    20008: Ruling(Outcome.CONFIG, "test_credentials", "These are test credentials; use the account's live ones."),
    20403: Ruling(Outcome.CONFIG, "forbidden", _ACCOUNT),
    20404: Ruling(Outcome.CONFIG, "not_found", "Check TWILIO_ACCOUNT_SID and TWILIO_API_BASE_URL."),
    21212: Ruling(Outcome.CONFIG, "invalid_sender", _SENDER),
    21601: Ruling(Outcome.CONFIG, "invalid_sender", _SENDER),
    21603: Ruling(Outcome.CONFIG, "invalid_sender", _SENDER),
    21606: Ruling(Outcome.CONFIG, "invalid_sender", _SENDER),
    21607: Ruling(Outcome.CONFIG, "invalid_sender", _SENDER),
    21609: Ruling(Outcome.CONFIG, "invalid_callback", "Twilio cannot use the callback URL; check PUBLIC_BASE_URL."),
    21703: Ruling(Outcome.CONFIG, "messaging_service", _SERVICE),
    21704: Ruling(Outcome.CONFIG, "messaging_service", _SERVICE),
    21705: Ruling(Outcome.CONFIG, "messaging_service", _SERVICE),
    # These two hold for one country and one number: other messages go on.
    21408: Ruling(
        Outcome.CONFIG,
        "country_not_enabled",
        "Enable the recipient's country under Messaging Geographic Permissions in Twilio's console.",
        is_account_wide=False,
    ),
    21608: Ruling(
        Outcome.CONFIG,
        "unverified_number",
        "A trial account reaches verified numbers only: verify this one, or upgrade the account.",
        is_account_wide=False,
    ),
    # --- a limit of the account is used up --------------------------------------------------------------------------
    14107: Ruling(Outcome.QUOTA, "loop_guard", "Twilio sees a message loop; check what answers whom."),
    21611: Ruling(Outcome.QUOTA, "queue_full", "The sender's queue at Twilio is full; add senders, or send less."),
    60728: Ruling(Outcome.QUOTA, "sending_cap", "The hourly or daily cap is reached; raise it at Twilio, or wait."),
    63038: Ruling(Outcome.QUOTA, "sending_cap", "The daily cap is reached; raise it at Twilio, or wait."),
}

MAGIC_NUMBERS: dict[str, int] = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
"""Recipients that Twilio's test credentials answer with an error: number → code."""


def hint_for(code: int) -> str:
    """What to do about `code`, with the link to Twilio's own page."""
    ruling = CODES.get(code)
    page = ERROR_PAGE.format(code=code)
    return f"{ruling.hint} {page}" if ruling and ruling.hint else page
