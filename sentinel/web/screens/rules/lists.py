"""Rules in a list, and each by itself."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from sentinel.errors import NotFoundError
from sentinel.queries.rules import Filter
from sentinel.rules import advice
from sentinel.services.ruling import browsing, rules
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.access import caller_for
from sentinel.web.chosen_client import client_names
from sentinel.web.frame import page, see_other
from sentinel.web.paging import number_cursor, page_size, paged
from sentinel.web.screens.rules import texts

STATES = {"on": True, "off": False}
CHANGES_SHOWN = 5


def index() -> Response:
    """List rules, of one client or of all."""
    client = request.args.get("client", "").strip()
    with unit_of_work() as uow:
        wanted = _wanted(uow, client)
        rows, following = browsing.page(uow, wanted, size=page_size()) if wanted else ([], None)
        return page(
            "console/rules/index.html",
            page=paged(rows, following),
            client=client,
            clients=client_names(uow),
            is_known=wanted is not None,
            condition=texts.condition,
            goals=texts.goals,
        )


def _wanted(uow: UnitOfWork, client: str) -> Filter | None:
    """What is asked for; None when there is no such client."""
    try:
        client_id = caller_for(uow, client).client_id if client else None
    except NotFoundError:
        return None
    return Filter(
        client_id,
        is_enabled=STATES.get(request.args.get("state", "")),
        part=request.args.get("q", "").strip().replace("\0", "") or None,
        after=number_cursor() or None,
    )


def show(rule_id: int) -> Response:
    """Show a rule, what belongs to it, and what was done to it lately; of one that is gone, what it was."""
    with unit_of_work() as uow:
        try:
            found = browsing.get(uow, rule_id)
        except NotFoundError:
            browsing.past(uow, rule_id)  # what never was has no page
            return see_other("console.rules.history", rule_id=rule_id)
        changes = rules.history(uow, rule_id, client_id=found.rule.client_id)
        return page(
            "console/rules/show.html",
            found=found,
            rule=found.rule,
            opinion=advice.opinion(found.syntax),
            lines=texts.lines(found.rule.text),
            goals=texts.goals(found.syntax.actions),
            endpoints=browsing.own_endpoints(uow, found.rule),
            changes=changes[:CHANGES_SHOWN],
            changes_count=len(changes),
        )
