"""Templates of a client: written, listed, tried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sentinel.channels.registry import CHANNELS
from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.models import Template
from sentinel.queries import templates as queries
from sentinel.queries.templates import Filter, User
from sentinel.queries.unique import TakenError
from sentinel.rendering import Content, Facts, Wording, check, render
from sentinel.rules.syntax import SEVERITIES
from sentinel.services.editing import LARGEST_ID, cut, cut_named, stale
from sentinel.services.texts import checked_line
from sentinel.services.unit_of_work import UnitOfWork

MOST_NAMED = 5
"""Most users of a template that a refusal names."""

EXAMPLE_RULE = (1, "Example rule")
EXAMPLE_EVENT: dict[str, Any] = {
    "event_id": "example-1",
    "type": "payment",
    "severity": "high",
    "source": "payments",
    "name": "card_declined",
    "amount": 750,
    "customer": {"id": 17, "name": "Ada"},
    "tags": ["prod", "eu"],
}


@dataclass(frozen=True, slots=True)
class Written:
    """A template as somebody wants it; channel None: for each channel."""

    name: str
    body: str
    subject: str | None = None
    channel: str | None = None

    @property
    def wording(self) -> Wording:
        """Its sources."""
        return Wording(self.subject, self.body)


def get(uow: UnitOfWork, template_id: int, *, client_id: int | None) -> Template:
    """Return a template of the client (None: of any)."""
    found = queries.get(uow.session, template_id, client_id=client_id) if template_id <= LARGEST_ID else None
    if found is None:
        raise NotFoundError(f"no template {template_id}; GET /templates lists those there are")
    return found


def page(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[Sequence[Template], int | None]:
    """Return a page of templates in the order they were made, and the cursor of the next page, if any."""
    return cut(queries.page(uow.session, wanted, size=size + 1), size)


def listed(uow: UnitOfWork, wanted: Filter, *, size: int) -> tuple[list[tuple[Template, str]], int | None]:
    """Return a page of templates with their clients' names, and the cursor of the next page, if any."""
    return cut_named(queries.listed(uow.session, wanted, size=size + 1), size)


def users_of(uow: UnitOfWork, template: Template, *, most: int) -> list[User]:
    """Return up to `most` of the enabled endpoints and rules that ask for a template."""
    return queries.used_by(uow.session, template.client_id, template.name, most=most)


def create(uow: UnitOfWork, client_id: int, written: Written) -> Template:
    """Store a new template."""
    _check(written)
    row = asdict(written) | {"client_id": client_id, "version": 1, "created_at": uow.now, "updated_at": uow.now}
    try:
        return queries.add(uow.session, row)
    except TakenError:
        raise _is_taken(written) from None


def replace(uow: UnitOfWork, client_id: int, template_id: int, written: Written, *, version: int) -> Template:
    """Put `written` in the place of a template that still has `version`."""
    found = get(uow, template_id, client_id=client_id)
    _check(written)
    if written.name != found.name:
        _refuse_if_used(uow, found)
    try:
        row = asdict(written) | {"updated_at": uow.now}
        changed = queries.change(uow.session, found.id, version=version, values=row)
    except TakenError:
        raise _is_taken(written) from None
    if changed is None:
        uow.session.refresh(found)
        raise stale(f"template {found.id}", now=found.version, read=version)
    return changed


def delete(uow: UnitOfWork, client_id: int, template_id: int, *, force: bool = False) -> None:
    """Remove a template; while enabled rules or endpoints name it, only by force."""
    found = get(uow, template_id, client_id=client_id)
    if not force:
        _refuse_if_used(uow, found)
    queries.delete(uow.session, found.id)


def preview(
    uow: UnitOfWork, client: str, channel: str, wording: Wording | None, event: dict[str, Any] | None
) -> Content:
    """Word an event as `wording` would, None: as the built-in one does; without an event, an example."""
    if wording is not None:
        check(channel, wording)
    told = EXAMPLE_EVENT if event is None else event
    severity = str(told.get("severity")).lower()
    facts = Facts(
        client=client,
        event_id=str(told.get("event_id") or told.get("alert_id") or EXAMPLE_EVENT["event_id"]),
        severity=severity if severity in SEVERITIES else None,
        rules=(EXAMPLE_RULE,),
        event=told,
        occurred_at=uow.now,
    )
    return render(channel, facts, wording)


def _check(written: Written) -> None:
    checked_line("name", written.name)
    if written.channel is not None and written.channel not in CHANNELS:
        remedy = f"use one of: {', '.join(CHANNELS)}"
        raise InvalidInputError(FieldError("channel", written.channel, "is not a channel", remedy))
    if not written.body:
        remedy = "write what messages are to say; the built-in wording is used where there is no template"
        raise InvalidInputError(FieldError("body", "", "is empty", remedy))
    check(written.channel, written.wording)


def _refuse_if_used(uow: UnitOfWork, found: Template) -> None:
    users = users_of(uow, found, most=MOST_NAMED)
    if users:
        named = ", ".join(map(str, users))
        raise ConflictError(
            f'template "{found.name}" is asked for by {named}; change them first, or remove it with '
            "?force=true: then they use the client's default or the built-in wording"
        )


def _is_taken(written: Written) -> ConflictError:
    where = f"for {written.channel}" if written.channel else "for all channels"
    return ConflictError(
        f'there is a template "{written.name}" {where} already; GET /templates?name=… finds it, '
        "PUT /templates/{id} changes it"
    )
