"""The tables, one per file. What is not registered here does not exist for migrations."""

from sentinel.models.alert import Alert
from sentinel.models.attempt import Attempt
from sentinel.models.base import Base
from sentinel.models.client import ApiKey, Client
from sentinel.models.endpoint import Endpoint
from sentinel.models.event import Event
from sentinel.models.group import GroupAlert, MessageGroup
from sentinel.models.idempotency import IdempotencyKey
from sentinel.models.integration import Integration
from sentinel.models.notification import DedupeClaim, Notification, TimelineEntry
from sentinel.models.operation import AuditRun, BookEntry, BookTotal, DeliveryPolicy, ProviderAccount, SweeperRun
from sentinel.models.receipt import Receipt
from sentinel.models.rule import Rule, RuleChange, RuleVersion
from sentinel.models.silence import Silence
from sentinel.models.suppression import Suppression
from sentinel.models.template import Template
from sentinel.models.ticket import Ticket, TicketEvent
from sentinel.models.user import User

__all__ = [
    "Alert",
    "ApiKey",
    "Attempt",
    "AuditRun",
    "Base",
    "BookEntry",
    "BookTotal",
    "Client",
    "DedupeClaim",
    "DeliveryPolicy",
    "Endpoint",
    "Event",
    "GroupAlert",
    "IdempotencyKey",
    "Integration",
    "MessageGroup",
    "Notification",
    "ProviderAccount",
    "Receipt",
    "Rule",
    "RuleChange",
    "RuleVersion",
    "Silence",
    "Suppression",
    "SweeperRun",
    "Template",
    "Ticket",
    "TicketEvent",
    "TimelineEntry",
    "User",
]
