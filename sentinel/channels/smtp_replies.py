"""What an SMTP server's replies mean: by the step that was refused, the code and the enhanced code."""

from __future__ import annotations

import re

from sentinel.channels.base import Outcome
from sentinel.channels.outcomes import Ruling

_RELAY = "The server does not relay to this recipient for us; check SMTP_USERNAME and the server's policy."
_SENDER = "The server refuses SMTP_FROM_EMAIL as sender; use an address that this login may send from."
_POLICY = re.compile(r"^5\.7\.\d+")

AUTHENTICATION = Ruling(Outcome.CONFIG, "unauthorized", "Check SMTP_USERNAME and SMTP_PASSWORD.")
TLS_MISSING = Ruling(Outcome.CONFIG, "starttls_missing", "The server offers no STARTTLS; set SMTP_SECURITY=tls.")
TLS_CERTIFICATE = Ruling(
    Outcome.CONFIG, "tls_certificate", "The server's certificate is not trusted; check SMTP_HOST, or set SSL_CERT_FILE."
)
LOGIN_MISSING = Ruling(Outcome.CONFIG, "login_not_offered", "The server offers no login; unset SMTP_USERNAME.")

_WRONG_SERVER = Ruling(Outcome.CONFIG, "server_refuses", "Check SMTP_HOST and SMTP_PORT: this server refuses us.")
_LATER = Ruling(Outcome.RETRY, "try_later")
_RELAY_DENIED = Ruling(Outcome.CONFIG, "relay_denied", _RELAY, is_account_wide=False)
_OTHER_RECIPIENT = Ruling(Outcome.RECIPIENT, "mailbox_refused", "Correct the address in the client's data.")

RCPT: dict[int, Ruling] = {
    530: AUTHENTICATION,
    550: Ruling(Outcome.RECIPIENT, "no_such_mailbox", "Correct the address; it is not tried again."),
    551: Ruling(Outcome.RECIPIENT, "mailbox_moved", "The recipient is elsewhere; see the server's own words."),
    552: Ruling(Outcome.RETRY, "mailbox_full"),  # RFC 5321, 4.5.3.1.10: to be read as 452 here
    553: Ruling(Outcome.RECIPIENT, "invalid_address", "Correct the address; it is not tried again."),
    554: Ruling(Outcome.RECIPIENT, "mailbox_refused", "The server refuses this recipient; see its own words."),
}

MAIL: dict[int, Ruling] = {
    530: AUTHENTICATION,
    552: Ruling(Outcome.MESSAGE, "too_large", "Shorten the message: the server refuses its size."),
}
_OTHER_SENDER = Ruling(Outcome.CONFIG, "sender_refused", _SENDER)

DATA: dict[int, Ruling] = {
    552: Ruling(Outcome.MESSAGE, "too_large", "Shorten the message: the server refuses its size."),
}
_OTHER_CONTENT = Ruling(Outcome.MESSAGE, "content_refused", "The server refuses this content; see its own words.")


def ruling_for(step: str, code: int, words: str) -> Ruling:
    """The ruling for a refusal in `step`: connect, login, mail, rcpt or data."""
    if not 500 <= code <= 599:  # noqa: PLR2004 # only 5xx is final
        return _LATER
    if step == "rcpt":
        return _RELAY_DENIED if _POLICY.match(words) else RCPT.get(code, _OTHER_RECIPIENT)
    if step == "mail":
        return MAIL.get(code, _OTHER_SENDER)
    if step == "data":
        return DATA.get(code, _OTHER_CONTENT)
    return AUTHENTICATION if step == "login" else _WRONG_SERVER
