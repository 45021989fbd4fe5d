"""The tables, one per file. What is not registered here does not exist for migrations."""

from sentinel.models.attempt import Attempt
from sentinel.models.base import Base
from sentinel.models.client import ApiKey, Client
from sentinel.models.idempotency import IdempotencyKey
from sentinel.models.notification import DedupeClaim, Notification, TimelineEntry
from sentinel.models.operation import ProviderAccount, SweeperRun

__all__ = [
    "ApiKey",
    "Attempt",
    "Base",
    "Client",
    "DedupeClaim",
    "IdempotencyKey",
    "Notification",
    "ProviderAccount",
    "SweeperRun",
    "TimelineEntry",
]
