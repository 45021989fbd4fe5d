"""One mail over one SMTP connection, in a thread: it knows how far the conversation came, and can be cut off."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import threading
import time
from collections import deque
from email.message import EmailMessage

from sentinel.channels.tls import trusting_context
from sentinel.settings import Settings

_IDLE_SECONDS = 15.0
_OK, _WILL_FORWARD = 250, 251


class Connections:
    """Opens connections and keeps those that wait for the next mail; shared by the sending threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tls = trusting_context()
        self._idle: deque[tuple[float, smtplib.SMTP]] = deque()

    def take(self) -> smtplib.SMTP | None:
        """The connection used last, if it still answers; older ones are closed on the way."""
        while self._idle:
            since, connection = self._idle.pop()
            if time.monotonic() - since < _IDLE_SECONDS and _answers(connection):
                return connection
            connection.close()
        return None

    def keep(self, connection: smtplib.SMTP) -> None:
        """Let a connection wait for the next mail."""
        self._idle.append((time.monotonic(), connection))

    def open(self) -> smtplib.SMTP:
        """A new connection, not yet greeted."""
        host, port, timeout = (
            self._settings.smtp_host or "",
            self._settings.smtp_port,
            self._settings.read_timeout_seconds,
        )
        if self._settings.smtp_security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=timeout, context=self._tls)
        return smtplib.SMTP(host, port, timeout=timeout)

    def secure(self, connection: smtplib.SMTP) -> None:
        """Switch to TLS, where the settings ask for it."""
        if self._settings.smtp_security == "starttls":
            connection.starttls(context=self._tls)
        connection.ehlo_or_helo_if_needed()

    def login(self, connection: smtplib.SMTP) -> None:
        """Say who we are, where the settings name a user."""
        if self._settings.smtp_username and self._settings.smtp_password:
            connection.login(self._settings.smtp_username, self._settings.smtp_password.get_secret_value())

    def close(self) -> None:
        """Close all that wait."""
        while self._idle:
            self._idle.pop()[1].close()


class Conversation:
    """One try to hand over one mail. `step` is where it stands; from "data" on the server may have the mail."""

    def __init__(self, mail: EmailMessage, *, sender: str, recipient: str) -> None:
        self.step = "connect"
        self._mail, self._sender, self._recipient = mail, sender, recipient
        self._connection: smtplib.SMTP | None = None
        self._is_cut_off = False
        self._lock = threading.Lock()

    def run(self, connections: Connections) -> str:
        """Hand the mail over and give back the server's words; errors of smtplib and of the socket pass through."""
        known = connections.take()
        connection = known or connections.open()
        try:
            self._hold(connection)
            if known is None:
                self._introduce(connection, connections)
            words = self._hand_over(connection)
            self._hold(None)
        except BaseException:
            connection.close()  # what it would say next is anybody's guess
            raise
        connections.keep(connection)
        return words

    def cut_off(self) -> None:
        """End the conversation from another thread: the one that waits for the server returns at once."""
        with self._lock:
            self._is_cut_off = True
            if self._connection is not None and self._connection.sock is not None:
                with contextlib.suppress(OSError):  # the server was faster: the connection is gone already
                    self._connection.sock.shutdown(socket.SHUT_RDWR)

    def _hold(self, connection: smtplib.SMTP | None) -> None:
        with self._lock:
            if connection is not None and self._is_cut_off:
                message = "the deadline passed before the conversation began"
                raise TimeoutError(message)
            self._connection = connection

    def _introduce(self, connection: smtplib.SMTP, connections: Connections) -> None:
        self.step = "starttls"
        connections.secure(connection)
        self.step = "login"
        connections.login(connection)

    def _hand_over(self, connection: smtplib.SMTP) -> str:
        self.step = "mail"
        _expect(connection.mail(self._sender), _OK)
        self.step = "rcpt"
        _expect(connection.rcpt(self._recipient), _OK, _WILL_FORWARD)
        self.step = "data"
        return _expect(connection.data(self._mail.as_bytes()), _OK)


def _expect(reply: tuple[int, bytes], *codes: int) -> str:
    code, words = reply
    if code not in codes:
        raise smtplib.SMTPResponseException(code, words)
    return words.decode("utf-8", errors="replace")


def _answers(connection: smtplib.SMTP) -> bool:
    try:
        return connection.noop()[0] == _OK
    except (OSError, smtplib.SMTPException):
        return False
