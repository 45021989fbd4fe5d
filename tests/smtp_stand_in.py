"""An SMTP server on a port of this machine, with scripted replies and a list of the mails that arrived."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Literal, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from sentinel.stand_ins import stop_listening

Step = Literal["mail", "rcpt", "data"]
USERNAME, PASSWORD = "sentinel", "stand-in-password"
DISCONNECT, SILENCE = "disconnect", "silence"


class SmtpStandIn:
    """`with SmtpStandIn() as server: … server.port, server.script("rcpt", "550 5.1.1 unknown"), server.mails`."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.connections = 0
        self.port = 0
        self._replies: dict[str, deque[str]] = {"mail": deque(), "rcpt": deque(), "data": deque()}
        self._tls, self._starttls = tls, starttls
        self._protocols: list[SMTP] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smtp-stand-in", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(timeout=10)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    async def _serve(self) -> asyncio.Server:
        return await self._loop.create_server(self._protocol, "127.0.0.1", 0, ssl=self._tls)

    def _protocol(self) -> SMTP:
        protocol = SMTP(
            _Handler(self),
            hostname="stand-in.test",
            loop=self._loop,
            tls_context=self._starttls,
            authenticator=_authenticate,
            auth_require_tls=self._starttls is not None,
        )
        self._protocols.append(protocol)
        return protocol

    async def _close(self) -> None:
        await stop_listening(self._server)
        await asyncio.sleep(0)  # what has begun is told of its transport
        for protocol in self._protocols:
            if protocol.transport is not None:
                cast("asyncio.Transport", protocol.transport).abort()
        conversations = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)

    def script(self, step: Step, *replies: str) -> None:
        """Let each of these answer one coming command; also DISCONNECT and SILENCE. "data": after the final dot."""
        self._replies[step].extend(replies)

    def reply_to(self, step: Step) -> str | None:
        """The next scripted reply, for the handler."""
        return self._replies[step].popleft() if self._replies[step] else None


class _Handler:
    def __init__(self, stand_in: SmtpStandIn) -> None:
        self._stand_in = stand_in

    async def handle_EHLO(  # noqa: N802 # the names and arguments that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        del server, envelope
        session.host_name = hostname
        self._stand_in.connections += 1
        return responses

    async def handle_MAIL(  # noqa: N802 # as above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, mail_options: list[str]
    ) -> str:
        del session, mail_options
        envelope.mail_from = address
        return await self._reply(server, "mail")

    async def handle_RCPT(  # noqa: N802 # as above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        del session, rcpt_options
        envelope.rcpt_tos.append(address)
        return await self._reply(server, "rcpt")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 # as above
        del session
        reply = await self._reply(server, "data")
        if reply.startswith("250"):
            content = cast("bytes", envelope.content)
            self._stand_in.mails.append(message_from_bytes(content, EmailMessage, policy=policy.SMTP))
        return reply

    async def _reply(self, server: SMTP, step: Step) -> str:
        scripted = self._stand_in.reply_to(step)
        if scripted == DISCONNECT:
            cast("asyncio.Transport", server.transport).abort()
            return "421 gone"
        if scripted == SILENCE:
            await asyncio.Event().wait()
        return scripted or ("250 2.0.0 queued as stand-in" if step == "data" else "250 OK")


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    is_known = given == LoginPassword(USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=is_known, handled=False)
