"""Rules as people browse them, of one client or of all: whose they are, when they spoke, what belongs to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sentinel.errors import NotFoundError
from sentinel.models import Endpoint, Rule, RuleVersion
from sentinel.queries import endpoints
from sentinel.queries import rules as queries
from sentinel.queries.endpoints import Filter as EndpointFilter
from sentinel.queries.rules import Filter
from sentinel.rules.syntax import RuleSyntax
from sentinel.services import editing
from sentinel.services.ruling import rules
from sentinel.services.unit_of_work import UnitOfWork

EVENTS_LOOKED_AT = 2000
"""The newest events, which are asked when a rule spoke last: some milliseconds, however many rules there are."""

MOST_ENDPOINTS = 100


@dataclass(frozen=True, slots=True)
class ListedRule:
    """A rule with its client. `spoke_at` is None when none of the newest events made it speak."""

    rule: Rule
    client: str
    syntax: RuleSyntax
    spoke_at: datetime | None


@dataclass(frozen=True, slots=True)
class Past:
    """What was done to a rule, newest first, and what it is now; None: it was deleted."""

    client: str
    rule: Rule | None
    changes: Sequence[RuleVersion]


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[ListedRule], int | None]:
    """Return a page of rules in the order they were made, and the cursor of the next page, if any."""
    rows = queries.page_with_clients(uow.session, wanted, size=size + 1)
    shown, following = editing.cut([rule for rule, _ in rows], size)
    spoke = _spoke(uow, wanted.client_id, shown)
    shared: dict[Any, Any] = {}
    return [_listed(rule, client, spoke, shared) for rule, client in rows[:size]], following


def get(uow: UnitOfWork, rule_id: int) -> ListedRule:
    """Return a rule, whosever it is."""
    client_id, client = _owner(uow, rule_id)
    rule = rules.get(uow, rule_id, client_id=client_id)
    return _listed(rule, client, _spoke(uow, client_id, [rule]))


def past(uow: UnitOfWork, rule_id: int) -> Past:
    """Return the history of a rule, whosever it is, or was."""
    client_id, client = _owner(uow, rule_id)
    changes = rules.history(uow, rule_id, client_id=client_id)
    return Past(client, queries.get(uow.session, rule_id, client_id=client_id), changes)


def own_endpoints(uow: UnitOfWork, rule: Rule) -> Sequence[Endpoint]:
    """Return the endpoints that belong to a rule, and go with it."""
    return endpoints.page(uow.session, EndpointFilter(rule.client_id, rule_id=rule.id), size=MOST_ENDPOINTS)


def _listed(rule: Rule, client: str, spoke: dict[int, datetime], shared: dict[Any, Any] | None = None) -> ListedRule:
    return ListedRule(rule, client, rules.syntax_of(rule, shared), spoke.get(rule.id))


def _spoke(uow: UnitOfWork, client_id: int | None, shown: Sequence[Rule]) -> dict[int, datetime]:
    if not shown:
        return {}
    return queries.last_spoke(uow.session, client_id, [each.id for each in shown], most=EVENTS_LOOKED_AT)


def _owner(uow: UnitOfWork, rule_id: int) -> tuple[int, str]:
    found = queries.client_of(uow.session, rule_id) if rule_id <= editing.LARGEST_ID else None
    if found is None:
        raise NotFoundError(f"no rule {rule_id}, and there was none")
    return found
