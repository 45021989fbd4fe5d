"""`python -m sentinel.stand_ins`: serve until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from sentinel.stand_ins.book import Book
from sentinel.stand_ins.certificate import Certificate
from sentinel.stand_ins.messages import ACCOUNT_SID, API_KEY, AUTH_TOKEN, BOT_TOKEN, WEBHOOK_SECRET, Credentials
from sentinel.stand_ins.wire import closed, serve


async def _serve_until_terminated(book: Book, port: int, certificate: Certificate | None) -> None:
    terminated = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, terminated.set)
    server = await serve(book, port=port, tls=certificate.server_context() if certificate else None)
    scheme = "https" if certificate else "http"
    sys.stdout.write(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await terminated.wait()
    await closed(server, book)


def main() -> None:
    """Serve until SIGTERM; the first line printed is the URL."""
    parser = argparse.ArgumentParser(prog="python -m sentinel.stand_ins", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--ledger", type=Path, help="a file that gets one JSON line per request")
    parser.add_argument("--certificate", type=Path, help="a file with key and certificate: serve over TLS")
    parser.add_argument("--account-sid", default=ACCOUNT_SID)
    parser.add_argument("--auth-token", default=AUTH_TOKEN)
    parser.add_argument("--api-key", default=API_KEY)
    parser.add_argument("--bot-token", default=BOT_TOKEN)
    parser.add_argument("--webhook-secret", default=WEBHOOK_SECRET)
    given = parser.parse_args()
    credentials = Credentials(given.account_sid, given.auth_token, given.api_key, given.bot_token, given.webhook_secret)
    book = Book(credentials, given.ledger)
    certificate = Certificate(given.certificate) if given.certificate else None
    asyncio.run(_serve_until_terminated(book, given.port, certificate))
    book.close()


if __name__ == "__main__":
    main()
