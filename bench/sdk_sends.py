"""The peer of our senders, a provider's SDK as its guide shows it: `python -m bench.sdk_sends NAME URL COUNT`.

Prints the seconds of CPU that so many sends have taken, one after the other.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Mail
from twilio.rest import Client

from bench.generator import BODY, recipient_of
from sentinel.stand_ins import ACCOUNT_SID, API_KEY, AUTH_TOKEN


def twilio(url: str) -> Callable[[int], object]:
    """One client for all messages."""
    client = Client(ACCOUNT_SID, AUTH_TOKEN)
    client.api.base_url = url
    return lambda number: client.messages.create(to=recipient_of(number), from_="+15005550006", body=BODY)


def sendgrid(url: str) -> Callable[[int], object]:
    """One client for all mails."""
    client = SendGridAPIClient(API_KEY, host=url)
    return lambda number: client.send(Mail("sentinel@example.com", f"user{number}@example.com", "Disk", BODY))


def main() -> None:
    """Send once to load what is loaded late, then send and count."""
    send = {"twilio": twilio, "sendgrid": sendgrid}[sys.argv[1]](sys.argv[2])
    send(0)
    before = time.process_time()
    for number in range(1, int(sys.argv[3]) + 1):
        send(number)
    sys.stdout.write(str(time.process_time() - before))


if __name__ == "__main__":
    main()
