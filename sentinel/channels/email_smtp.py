"""Mail through any SMTP server, with the standard library in threads of its own."""

from __future__ import annotations

import asyncio
import base64
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr

from sentinel.channels.base import Message, Outcome, Receipt
from sentinel.channels.http import HttpTransport
from sentinel.channels.mail_parts import MailParts, parts_of
from sentinel.channels.outcomes import UNSURE, Ruling, shown
from sentinel.channels.smtp_replies import (
    LOGIN_MISSING,
    TLS_CERTIFICATE,
    TLS_MISSING,
    ruling_for,
)
from sentinel.channels.smtp_session import Connections, Conversation
from sentinel.channels.subjects import invalid_subject
from sentinel.settings import Settings

_THREADS = 10  # most servers refuse more connections than this from one client
_GRACE_SECONDS = 1.0


def build(settings: Settings, _transport: HttpTransport) -> Smtp:
    """The provider; HTTP is not its way."""
    return Smtp(settings)


class Smtp:
    """Sends through SMTP_HOST, one connection per thread, kept while mails follow each other."""

    name = "smtp"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._from_email = settings.smtp_from_email or ""
        self._connections = Connections(settings)
        places = min(_THREADS, settings.provider_concurrency)
        self._threads = ThreadPoolExecutor(max_workers=places, thread_name_prefix="smtp")
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
        self._secrets = (password, base64.b64encode(password.encode()).decode())

    async def send(self, message: Message) -> Receipt:
        """Try once to hand `message` over as plain text, and as HTML too when it has a severity."""
        parts = parts_of(message)
        if parts is None:
            return invalid_subject()
        try:
            mail = _mail(message, parts, self._from_email)
        except ValueError:  # what email.headerregistry says to a line break in an address
            return _invalid_address()
        sender = parseaddr(self._from_email)[1]
        return await self._within_deadline(Conversation(mail, sender=sender, recipient=message.recipient), mail)

    async def close(self) -> None:
        """Give back connections and threads."""
        self._connections.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _within_deadline(self, conversation: Conversation, mail: EmailMessage) -> Receipt:
        """Wait for the thread; past the deadline cut the conversation off and judge by how far it came."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, conversation.run, self._connections)
        done, _ = await asyncio.wait({running}, timeout=self._settings.send_deadline_seconds)
        if not done:
            conversation.cut_off()
            done, _ = await asyncio.wait({running}, timeout=_GRACE_SECONDS)
        if not done:  # still connecting: what comes after that is barred now
            running.add_done_callback(_take_note)
            return _unanswered(conversation.step, TimeoutError())
        error = running.exception()
        if isinstance(error, Exception):
            return self._failure(conversation.step, error)
        words = shown(running.result(), secrets=self._secrets)
        return Receipt(Outcome.OK, provider_message_id=str(mail["Message-ID"]).strip("<>"), detail=words)

    def _failure(self, step: str, error: Exception) -> Receipt:
        if isinstance(error, smtplib.SMTPResponseException):
            raw = error.smtp_error
            words = raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else str(raw)
            ruling = ruling_for(step, error.smtp_code, words)
            return _refusal(ruling, shown(words, secrets=self._secrets), code=str(error.smtp_code))
        if isinstance(error, ssl.SSLCertVerificationError):
            return _refusal(TLS_CERTIFICATE, "the server's certificate is not trusted")
        if isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected):
            missing = LOGIN_MISSING if step == "login" else TLS_MISSING
            return _refusal(missing, shown(str(error), secrets=self._secrets))
        if isinstance(error, OSError):  # smtplib's own errors are of this kind too
            return _unanswered(step, error)
        raise error


def _mail(message: Message, parts: MailParts, from_email: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = from_email
    mail["To"] = message.recipient
    mail["Subject"] = parts.subject
    mail["Date"] = formatdate(usegmt=True)
    mail["Message-ID"] = f"<{message.id}@{parseaddr(from_email)[1].rpartition('@')[2] or 'localhost'}>"
    mail["Auto-Submitted"] = "auto-generated"  # keeps "out of office" answers away
    # As bytes in base64, for set_content() of a str would add a line end and change the ones in it.
    mail.set_content(parts.text.encode(), maintype="text", subtype="plain", cte="base64", params={"charset": "utf-8"})
    if parts.html is not None:
        mail.add_alternative(
            parts.html.encode(), maintype="text", subtype="html", cte="base64", params={"charset": "utf-8"}
        )
    return mail


def _refusal(ruling: Ruling, detail: str, code: str | None = None) -> Receipt:
    return Receipt(
        ruling.outcome,
        reason=ruling.reason,
        provider_code=code,
        detail=detail or None,
        hint=ruling.hint,
        is_account_wide=ruling.is_account_wide,
    )


def _unanswered(step: str, error: Exception) -> Receipt:
    """Connection trouble: from DATA on the server may have the mail, before that certainly not."""
    reason = "timeout" if isinstance(error, TimeoutError) else "connection_lost"
    detail = f"{reason.replace('_', ' ')} at the step {step}"
    if step == "data":
        return Receipt(Outcome.AMBIGUOUS, reason=reason, detail=detail, hint=UNSURE)
    return Receipt(Outcome.RETRY, reason=reason, detail=detail)


def _invalid_address() -> Receipt:
    return Receipt(
        Outcome.RECIPIENT,
        reason="invalid_address",
        detail="the address cannot stand in a mail header; nothing was sent",
        hint="Correct the address in the client's data.",
    )


def _take_note(running: asyncio.Future[str]) -> None:
    """Read the late error, or asyncio reports it as forgotten; its receipt was written at the deadline."""
    if not running.cancelled():
        running.exception()
