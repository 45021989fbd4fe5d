"""What was done to a rule, and what is different between two of its versions."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request
from werkzeug.wrappers import Response

from sentinel.models import RuleVersion
from sentinel.services.ruling import browsing
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.frame import page
from sentinel.web.screens.rules import texts


def history(rule_id: int) -> Response:
    """Show who did what, and two versions beside each other: those that are asked for, or the newest two."""
    with unit_of_work() as uow:
        past = browsing.past(uow, rule_id)
        old, new = _chosen(past.changes)
        return page(
            "console/rules/history.html",
            rule_id=rule_id,
            past=past,
            newest=past.changes[0],
            old=old,
            new=new,
            differences=texts.differences(old.text, new.text),
        )


def _chosen(changes: Sequence[RuleVersion]) -> tuple[RuleVersion, RuleVersion]:
    by_version = {str(each.version): each for each in changes}
    new = by_version.get(request.args.get("new", ""), changes[0])
    before = next((each for each in changes if each.version < new.version), new)
    return by_version.get(request.args.get("old", ""), before), new
