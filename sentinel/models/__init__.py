"""The tables, one per file. What is not registered here does not exist for migrations."""

from sentinel.models.action import Action
from sentinel.models.alert import Alert
from sentinel.models.attempt import Attempt
from sentinel.models.base import Base
from sentinel.models.client import ApiKey, Client
from sentinel.models.drill import Drill, DrillRun
from sentinel.models.endpoint import Endpoint
from sentinel.models.escalation import Escalation, EscalationPolicy, TicketEntry, TicketMessage
from sentinel.models.event import Event
from sentinel.models.firing_alert import FiringAlert
from sentinel.models.group import GroupAlert, MessageGroup
from sentinel.models.heartbeat import Heartbeat
from sentinel.models.idempotency import IdempotencyKey
from sentinel.models.inhibition import Inhibition
from sentinel.models.integration import Integration
from sentinel.models.letter_replay import LetterReplay
from sentinel.models.load_test import LoadTest
from sentinel.models.notification import DedupeClaim, Notification, TimelineEntry
from sentinel.models.operation import (
    AuditRun,
    BookEntry,
    BookTotal,
    DeliveryPolicy,
    FailoverChain,
    ProviderAccount,
    SweeperRun,
)
from sentinel.models.receipt import Receipt
from sentinel.models.rotation import Rotation, RotationOverride
from sentinel.models.rule import Rule, RuleChange, RuleVersion
from sentinel.models.self_test import SelfTest
from sentinel.models.silence import Silence
from sentinel.models.suppression import Suppression
from sentinel.models.template import Template
from sentinel.models.ticket import Ticket, TicketEvent
from sentinel.models.user import User

__all__ = [
    "Action",
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
    "Drill",
    "DrillRun",
    "Endpoint",
    "Escalation",
    "EscalationPolicy",
    "Event",
    "FailoverChain",
    "FiringAlert",
    "GroupAlert",
    "Heartbeat",
    "IdempotencyKey",
    "Inhibition",
    "Integration",
    "LetterReplay",
    "LoadTest",
    "MessageGroup",
    "Notification",
    "ProviderAccount",
    "Receipt",
    "Rotation",
    "RotationOverride",
    "Rule",
    "RuleChange",
    "RuleVersion",
    "SelfTest",
    "Silence",
    "Suppression",
    "SweeperRun",
    "Template",
    "Ticket",
    "TicketEntry",
    "TicketEvent",
    "TicketMessage",
    "TimelineEntry",
    "User",
]
