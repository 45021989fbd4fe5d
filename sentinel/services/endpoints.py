"""Endpoints of a client: written, listed, tried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from sentinel.channels.recipients import normalise
from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.models import Endpoint
from sentinel.queries import endpoints as queries
from sentinel.queries import flushing, holding
from sentinel.queries import templates as template_queries
from sentinel.queries.endpoints import Filter
from sentinel.queries.unique import TakenError
from sentinel.rendering import Facts
from sentinel.rules import group_terms
from sentinel.sealing import is_sealed, seal
from sentinel.security import is_webhook_secret, new_webhook_secret
from sentinel.services import notifications, quiet_hours
from sentinel.services.access.clients import Caller
from sentinel.services.editing import LARGEST_ID, cut, cut_named, stale
from sentinel.services.matching import wordings
from sentinel.services.reporting import status_hooks
from sentinel.services.sending import chains, failover
from sentinel.services.sending.failover import Target
from sentinel.services.texts import checked_line
from sentinel.services.trials import trial_of
from sentinel.services.unit_of_work import UnitOfWork

MESSAGES, STATUSES = "messages", "statuses"
"""What an endpoint is for: what rules and callers say, or how the client's notifications ended."""

SIGNED = "webhook"
"""The channel whose messages are signed with the endpoint's secret."""

ALL = "*"
"""Stands for all endpoints in a rule."""

LONGEST_USER = 255

ENDING_GROUPS = frozenset({"is_enabled", "channel", "target", "grouping"})
"""What changes with an endpoint so that nobody comes to its groups any more."""

TEST_EVENT: dict[str, Any] = {
    "type": "test",
    "severity": "low",
    "source": "sentinel",
    "name": "endpoint_test",
    "message": "This is a test of this endpoint. Nothing happened, and nothing needs to be done.",
}


@dataclass(frozen=True, slots=True)
class Written:
    """An endpoint as somebody wants it."""

    channel: str
    target: str
    name: str | None = None
    rule_id: int | None = None
    user_id: str | None = None
    template: str | None = None
    is_enabled: bool = True
    secret: str | None = None
    failover: tuple[Target, ...] = ()
    purpose: str = MESSAGES
    quiet_hours: Mapping[str, Any] | None = None
    grouping: Mapping[str, Any] | None = None


def get(uow: UnitOfWork, endpoint_id: int, *, client_id: int | None) -> Endpoint:
    """Return an endpoint of the client (None: of any)."""
    found = queries.get(uow.session, endpoint_id, client_id=client_id) if endpoint_id <= LARGEST_ID else None
    if found is None:
        raise NotFoundError(f"no endpoint {endpoint_id}; GET /endpoints lists those there are")
    return found


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[Sequence[Endpoint], int | None]:
    """Return a page of endpoints in the order they were made, and the cursor of the next page, if any."""
    return cut(queries.page(uow.session, wanted, size=size + 1), size)


def listed(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[tuple[Endpoint, str]], int | None]:
    """Return a page of endpoints with their clients' names, and the cursor of the next page, if any."""
    return cut_named(queries.listed(uow.session, wanted, size=size + 1), size)


def create(uow: UnitOfWork, client_id: int, written: Written) -> Endpoint:
    """Store a new endpoint; a webhook gets a secret, if none is given."""
    checked = _checked(uow, client_id, written)
    row = _columns(checked) | {"client_id": client_id, "version": 1, "created_at": uow.now, "updated_at": uow.now}
    try:
        return queries.add(uow.session, row)
    except TakenError:
        raise _name_is_taken(written.name) from None


def as_written(found: Endpoint) -> Written:
    """An endpoint as it is now, for whoever wants a part of it otherwise; its secret is kept by being left out."""
    names = [each.name for each in fields(Written) if each.name not in ("secret", "failover")]
    targets = tuple(Target(**each) for each in found.failover or ())
    return Written(**{name: getattr(found, name) for name in names}, failover=targets)


def change(uow: UnitOfWork, client_id: int, endpoint_id: int, written: Written, *, version: int) -> Endpoint:
    """Put `written` in the place of an endpoint that still has `version`; a webhook keeps its secret."""
    found = get(uow, endpoint_id, client_id=client_id)
    if written.name != found.name:
        _refuse_if_named(uow, found)
    return _put(uow, found, _columns(_checked(uow, client_id, written, kept=found.secret)), version=version)


def switch(
    uow: UnitOfWork, client_id: int, endpoint_id: int, *, is_enabled: bool, version: int | None = None
) -> Endpoint:
    """Enable or disable an endpoint; `version`, where given, must be the one it has."""
    found = get(uow, endpoint_id, client_id=client_id)
    return _put(uow, found, {"is_enabled": is_enabled}, version=version or found.version)


def rotate_secret(uow: UnitOfWork, client_id: int, endpoint_id: int) -> Endpoint:
    """Give a webhook a new secret; messages are signed with it from now on."""
    found = get(uow, endpoint_id, client_id=client_id)
    if found.channel != SIGNED:
        raise ConflictError(f"endpoint {found.id} is of channel {found.channel}; only those of {SIGNED} have secrets")
    return _put(uow, found, {"secret": seal(new_webhook_secret())}, version=found.version)


def delete(uow: UnitOfWork, client_id: int, endpoint_id: int, *, force: bool = False) -> None:
    """Remove an endpoint; while enabled rules name it, only by force."""
    found = get(uow, endpoint_id, client_id=client_id)
    if not force:
        _refuse_if_named(uow, found)
    queries.delete(uow.session, found.id)
    flushing.hasten_last(uow.session, client_id, now=uow.now)


def try_out(uow: UnitOfWork, caller: Caller, endpoint_id: int) -> dict[str, Any]:
    """Send a message that says it is a test, on the way that all messages go; returns its row."""
    found = get(uow, endpoint_id, client_id=caller.client_id)
    if found.purpose == STATUSES:
        return notifications.accept(uow, caller.client_id, [status_hooks.test_of(found, now=uow.now)])[0]
    facts = Facts(caller.client_name, f"test-of-endpoint-{found.id}", "low", (), TEST_EVENT, uow.now, is_test=True)
    request = trial_of(found, facts, wordings.of_clients(uow, [caller.client_id]))
    return notifications.accept(uow, caller.client_id, [request])[0]


def _checked(uow: UnitOfWork, client_id: int, written: Written, *, kept: str | None = None) -> Written:
    """The endpoint with its target in its one spelling and its secret sealed, or what is wrong with it."""
    _check_words(written)
    target = _one_spelling(written)
    if written.purpose == STATUSES:
        _check_for_statuses(written)
    if written.rule_id is not None and not queries.is_rule_of(uow.session, written.rule_id, client_id):
        remedy = "GET /rules lists those there are"
        raise InvalidInputError(FieldError("rule_id", written.rule_id, "is no rule of this client", remedy))
    template = written.template
    if template is not None and not template_queries.fitting(uow.session, client_id, template, written.channel):
        message = f"is no template of this client for {written.channel}"
        raise InvalidInputError(FieldError("template", template, message, "make it first, with POST /templates"))
    targets = failover.checked(written.failover, first=(written.channel, target))
    chains.check_named(uow, client_id, targets, but=written.name)
    grouping = None if written.grouping is None else group_terms.written(group_terms.read(written.grouping))
    quiet = None if written.quiet_hours is None else quiet_hours.read(written.quiet_hours, now=uow.now)
    return replace(
        written,
        target=target,
        secret=_secret(written, kept),
        failover=targets,
        grouping=grouping,
        quiet_hours=None if quiet is None else quiet_hours.written(quiet),
    )


def _check_words(written: Written) -> None:
    if written.name is not None and checked_line("name", written.name) == ALL:
        message, remedy = "means all endpoints in a rule", "use another name"
        raise InvalidInputError(FieldError("name", ALL, message, remedy))
    if written.user_id is not None:
        checked_line("user_id", written.user_id, most=LONGEST_USER)
    if written.rule_id is not None and written.user_id is not None:
        message, remedy = "cannot stand beside rule_id: an endpoint has one owner", "leave one of them out"
        raise InvalidInputError(FieldError("user_id", written.user_id, message, remedy))


def _check_for_statuses(written: Written) -> None:
    """Statuses are for programs, and all of the client's."""
    if written.channel != SIGNED:
        remedy = f"use channel {SIGNED}, or leave purpose out"
        raise InvalidInputError(FieldError("purpose", STATUSES, "needs a webhook", remedy))
    for name in ("rule_id", "user_id", "template", "failover", "grouping", "quiet_hours"):
        if getattr(written, name) not in (None, ()):
            message, remedy = f'cannot stand beside purpose "{STATUSES}"', "leave it out"
            raise InvalidInputError(FieldError(name, None, message, remedy))


def _columns(checked: Written) -> dict[str, Any]:
    """What the row keeps of it."""
    return asdict(checked) | {"failover": [target.as_stored() for target in checked.failover] or None}


def _one_spelling(written: Written) -> str:
    try:
        return normalise(written.channel, written.target)
    except InvalidInputError as error:
        # A recipient is called the endpoint's target.
        raise InvalidInputError(*(replace(each, field="target") for each in error.errors)) from None


def _secret(written: Written, kept: str | None) -> str | None:
    """The secret as the row has it: the new one, the one that was `kept`, or one of our making."""
    if written.channel != SIGNED:
        if written.secret is not None:
            remedy = f"leave it out; only endpoints of {SIGNED} have secrets"
            raise InvalidInputError(FieldError("secret", "(secret)", "is not used by this channel", remedy))
        return None
    if written.secret is not None and not is_webhook_secret(written.secret):
        remedy = "write whsec_ and 24 to 64 random bytes in base64, or leave it out: then one is made"
        raise InvalidInputError(FieldError("secret", "(secret)", "is no secret of Standard Webhooks", remedy))
    if written.secret is None and kept is not None and is_sealed(kept):
        return kept
    return seal(written.secret or kept or new_webhook_secret())


def _put(uow: UnitOfWork, found: Endpoint, values: dict[str, Any], *, version: int) -> Endpoint:
    if "is_enabled" in values:
        values = values | {"disabled_reason": None}  # from now on it is as a person wants it
    before = found.quiet_hours
    try:
        changed = queries.change(uow.session, found.id, version=version, values=values | {"updated_at": uow.now})
    except TakenError:
        raise _name_is_taken(values["name"]) from None
    if changed is None:
        uow.session.refresh(found)
        raise stale(f"endpoint {found.id}", now=found.version, read=version)
    if changed.quiet_hours != before:
        _move_held(uow, changed)
    if values.keys() & ENDING_GROUPS:
        flushing.hasten_last(uow.session, changed.client_id, now=uow.now)
    return changed


def _move_held(uow: UnitOfWork, changed: Endpoint) -> None:
    """What waits for the end of the quiet hours waits for that of the new ones."""
    until = quiet_hours.end_of(changed.quiet_hours, uow.now) or uow.now
    holding.move_quiet(uow.session, changed.client_id, changed.id, until=until, now=uow.now)


def _refuse_if_named(uow: UnitOfWork, found: Endpoint) -> None:
    rules = queries.rules_naming(uow.session, found.client_id, found.name) if found.name else []
    if rules:
        raise ConflictError(
            f'endpoint "{found.name}" is named by the rules {", ".join(rules)}; change or disable them first, or '
            "remove it with ?force=true: then what they send to it ends as SUPPRESSED, no_endpoint"
        )
    paging = queries.paged_by(uow.session, found.client_id, found.name) if found.name else []
    if paging:
        raise ConflictError(
            f'endpoint "{found.name}" is told by {", ".join(paging)}; change them first, or remove it with '
            "?force=true: then their steps find nobody there, and go on"
        )


def _name_is_taken(name: str | None) -> ConflictError:
    return ConflictError(
        f'there is an endpoint "{name}" already; GET /endpoints?name=… finds it, PUT /endpoints/{{id}} changes it'
    )
