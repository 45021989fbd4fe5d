"""The tables, one per file. What is not registered here does not exist for migrations."""

from sentinel.models.attempt import Attempt
from sentinel.models.base import Base
from sentinel.models.client import ApiKey, Client
from sentinel.models.endpoint import Endpoint
from sentinel.models.event import Event
from sentinel.models.idempotency import IdempotencyKey
from sentinel.models.notification import DedupeClaim, Notification, TimelineEntry
from sentinel.models.operation import ProviderAccount, SweeperRun
from sentinel.models.rule import Rule, RuleChange, RuleVersion
from sentinel.models.template import Template
from sentinel.models.ticket import Ticket, TicketEvent

__all__ = [
    "ApiKey",
    "Attempt",
    "Base",
    "Client",
    "DedupeClaim",
    "Endpoint",
    "Event",
    "IdempotencyKey",
    "Notification",
    "ProviderAccount",
    "Rule",
    "RuleChange",
    "RuleVersion",
    "SweeperRun",
    "Template",
    "Ticket",
    "TicketEvent",
    "TimelineEntry",
]
