"""Twilio, SendGrid, Slack, webhooks, Gotify on a port of this machine: real wire, scripted faults, a ledger of all.

In a test: `with ProviderStandIn() as stand_in: … stand_in.url, stand_in.script(reset()), stand_in.entries`.
As a process that outlives the workers it serves: `python -m sentinel.stand_ins --port 0 --ledger FILE`, or
`ProviderProcess(ledger_path)`. The process takes faults over `PUT /_control/faults`.
"""

from sentinel.stand_ins.callbacks import EVENT_PUBLIC_KEY, News
from sentinel.stand_ins.certificate import Certificate
from sentinel.stand_ins.faults import (
    Fault,
    delayed,
    drip,
    html,
    rate_limited,
    raw,
    redirect,
    refused,
    reset,
    reset_unread,
    silence,
)
from sentinel.stand_ins.ledger import Entry, read_ledger
from sentinel.stand_ins.listening import stop_listening
from sentinel.stand_ins.messages import ACCOUNT_SID, API_KEY, AUTH_TOKEN, BOT_TOKEN, WEBHOOK_SECRET, Credentials
from sentinel.stand_ins.process import ProviderProcess
from sentinel.stand_ins.slack import refused_by_slack
from sentinel.stand_ins.stand_in import ProviderStandIn

__all__ = [
    "ACCOUNT_SID",
    "API_KEY",
    "AUTH_TOKEN",
    "BOT_TOKEN",
    "EVENT_PUBLIC_KEY",
    "WEBHOOK_SECRET",
    "Certificate",
    "Credentials",
    "Entry",
    "Fault",
    "News",
    "ProviderProcess",
    "ProviderStandIn",
    "delayed",
    "drip",
    "html",
    "rate_limited",
    "raw",
    "read_ledger",
    "redirect",
    "refused",
    "refused_by_slack",
    "reset",
    "reset_unread",
    "silence",
    "stop_listening",
]
