"""Messages join the group that will tell them, in the transaction that stores them."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import orjson

from sentinel.ids import new_ids
from sentinel.models.group import GroupKind
from sentinel.models.status import Reason
from sentinel.queries import groups
from sentinel.queries import holding as holding_queries
from sentinel.rules.alerts import FIRING, RESOLVED, SpokenAlert
from sentinel.rules.grouping import Terms
from sentinel.services.unit_of_work import UnitOfWork

Row = Mapping[str, Any]
"""A message that is to be stored."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Why and where a message is held: in which group, until when if it is the first there, and what it says."""

    kind: GroupKind
    scope: str
    """`rule` or `endpoint`: whose terms these are."""
    key: str
    """What tells the group from others of its kind, scope and target."""
    terms: Terms
    due_at: datetime
    title: str
    labels: Mapping[str, Any] = field(default_factory=dict)
    grouped_by: Sequence[Any] | None = None
    """What its events have in common, as the rule or the endpoint is stored with it."""
    rule_id: int | None = None
    spoken: SpokenAlert | None = None
    template: str | None = None
    failover: Sequence[Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """Messages as they are to be stored, and the groups of those that have one, by id."""

    rows: list[Row]
    groups: Mapping[str, str]


def hold(uow: UnitOfWork, rows: Sequence[Row], holdings: Mapping[str, Holding]) -> Joined:
    """Open or join the groups of messages that have a holding (by id).

    Returns all `rows`, those with what makes them held, and by their ids in which group each is or would be: a message
    that ends at once (it has a `reason`) is not held.
    """
    held = [(row, holdings[row["id"]]) for row in rows if row["id"] in holdings]
    if not held:
        return Joined(list(rows), {})
    found = _open(uow, held)
    columns = {row["id"]: _columns(row, holding, found[_place(row, holding)]) for row, holding in held}
    groups_of = {row["id"]: found[_place(row, holding)].id for row, holding in held}
    return Joined([{**row, **columns[row["id"]]} if row["id"] in columns else row for row in rows], groups_of)


def note_quiet(uow: UnitOfWork, rows: Sequence[Row], holdings: Mapping[str, Holding]) -> None:
    """Say on messages that were just stored, and on their timelines, that they wait for the end of quiet hours."""
    quiet = [
        {"id": row["id"], "group_id": row["group_id"], "until": row["next_attempt_at"]}
        for row in rows
        if "group_id" in row and holdings[row["id"]].kind is GroupKind.QUIET_HOURS
    ]
    if quiet:
        holding_queries.hold(uow.session, quiet, Reason.QUIET_HOURS, now=uow.now)


def join(uow: UnitOfWork, held: Sequence[tuple[Row, Holding]]) -> list[groups.OpenGroup]:
    """Open the groups of these messages, or join those that are there; returns the group of each."""
    found = _open(uow, held)
    return [found[_place(row, holding)] for row, holding in held]


def _columns(row: Row, holding: Holding, group: groups.OpenGroup) -> dict[str, Any]:
    """The other targets of what is held lose their patience once it is released, not before."""
    alert = {} if holding.spoken is None else {"alert_key": holding.spoken.key}
    if "reason" in row:
        return alert
    return alert | {"group_id": group.id, "next_attempt_at": group.due_at, "failover_at": None}


def _place(row: Row, holding: Holding) -> tuple[int, str]:
    """Whose group it is, and its fingerprint."""
    rule_or_endpoint = holding.rule_id if holding.scope == "rule" else row["endpoint_id"]
    place = [holding.kind, holding.scope, rule_or_endpoint, row["channel"], row["recipient"], holding.key]
    return row["client_id"], hashlib.sha256(orjson.dumps(place)).hexdigest()


def _open(uow: UnitOfWork, held: Sequence[tuple[Row, Holding]]) -> dict[tuple[int, str], groups.OpenGroup]:
    """The groups of messages, each opened or joined once."""
    wanted: dict[tuple[int, str], dict[str, Any]] = {}
    for row, holding in held:
        place = _place(row, holding)
        known = wanted.get(place)
        if known is None:
            wanted[place] = _group(row, holding, place[1])
        else:
            known["rule_ids"] = sorted({*known["rule_ids"], *(row["rule_ids"] or ())})
    for group, group_id in zip(wanted.values(), new_ids(uow.now, len(wanted)), strict=True):
        group["id"] = group_id
    found = groups.open_groups(uow.session, list(wanted.values()), now=uow.now)
    return {(each.client_id, each.fingerprint): each for each in found}


def _group(row: Row, holding: Holding, fingerprint: str) -> dict[str, Any]:
    return {
        "client_id": row["client_id"],
        "fingerprint": fingerprint,
        "kind": holding.kind,
        "scope": holding.scope,
        "rule_id": holding.rule_id,
        "channel": row["channel"],
        "recipient": row["recipient"],
        "labels": holding.labels,
        "grouped_by": holding.grouped_by,
        "endpoint_id": row["endpoint_id"],
        "user_id": row.get("user_id"),
        "template": holding.template,
        "failover": holding.failover,
        "rule_ids": sorted(row["rule_ids"] or ()),
        "due_at": holding.due_at,
    } | asdict(holding.terms)


def speak(uow: UnitOfWork, joined: Joined, holdings: Mapping[str, Holding], *, duplicates: Container[str]) -> None:
    """Say of each alert how it stands after these messages, in the order in which their events were accepted.

    What ended at once counts all the same. A duplicate would be told to nobody: that an alert begins, it does not say.
    """
    said = [(row, holdings[row["id"]], group) for row in joined.rows if (group := joined.groups.get(row["id"]))]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row, holding, group_id in sorted(said, key=lambda each: str(each[0]["event_id"])):
        if holding.spoken is None or (holding.spoken.is_firing and row["id"] in duplicates):
            continue
        status = FIRING if holding.spoken.is_firing else RESOLVED
        known = found.setdefault((group_id, holding.spoken.key), {"first": status, "status": status, "turns": 0})
        known["turns"] += status != known["status"]
        known |= {
            "group_id": group_id,
            "alert_key": holding.spoken.key,
            "status": status,
            "event_id": row["event_id"],
            "notification_id": row["id"],
            "severity": row["severity"],
            "title": holding.title,
            "flap_changes": holding.terms.flap_changes,
        }
    if found:
        groups.speak(uow.session, list(found.values()), now=uow.now)
