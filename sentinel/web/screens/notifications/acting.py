"""What people do to one notification: start it over, take it back, mend it."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import flash
from werkzeug.wrappers import Response

from sentinel.errors import ConflictError, InvalidInputError
from sentinel.models import Client, Notification
from sentinel.models.status import RETRYABLE
from sentinel.services import notifications
from sentinel.services.bookkeeping import dead_letters
from sentinel.services.bookkeeping.dead_letters import EDITABLE
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.access import acts, needs, note_action, visitor
from sentinel.web.forms import errors_of, normal, text
from sentinel.web.frame import back_or, not_done, page, see_other
from sentinel.web.screens.notifications.showing import blueprint

SHOW = "console.notifications.show"


@blueprint.post("/<notification_id>/retry")
@acts("operator")
def retry(notification_id: str) -> Response:
    """Start it over."""
    words = "Started over, with a fresh allowance of tries."
    return _acted(notifications.retry, notification_id, "notification.retry", words)


@blueprint.post("/<notification_id>/cancel")
@acts("operator")
def cancel(notification_id: str) -> Response:
    """Take it back while it waits."""
    return _acted(notifications.cancel, notification_id, "notification.cancel", "Cancelled: it is not sent.")


def _acted(act: Callable[..., Notification], notification_id: str, action: str, words: str) -> Response:
    """Do it and say so in `words`, or say why it cannot be done as the message stands now."""
    try:
        with unit_of_work() as uow:
            _note(uow, action, act(uow, notification_id, client_id=None))
    except ConflictError as error:
        not_done(str(error))
    else:
        flash(words)
    return back_or(SHOW, notification_id=notification_id)


def _note(uow: UnitOfWork, action: str, found: Notification, **detail: Any) -> None:
    client = uow.session.get_one(Client, found.client_id).name
    note_action(uow, action, f"notification {found.id}", client=client, channel=found.channel, **detail)


@blueprint.get("/<notification_id>/edit")
@needs("operator")
def edit(notification_id: str) -> Response:
    """Show the form that mends it."""
    with unit_of_work() as uow:
        found = notifications.get(uow, notification_id, client_id=None)
    return _form(found, {name: getattr(found, name) or "" for name in EDITABLE})


@blueprint.post("/<notification_id>/edit")
@acts("operator")
def save(notification_id: str) -> Response:
    """Mend it and start it over."""
    sent = {name: text(name) for name in EDITABLE}
    try:
        with unit_of_work() as uow:
            found = notifications.get(uow, notification_id, client_id=None)
            _check_unchanged(found)
            changes = {
                name: value or None for name, value in sent.items() if value != normal(getattr(found, name) or "")
            }
            _mend(uow, found, changes)
    except InvalidInputError as error:
        return _form(found, sent, errors_of(error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except ConflictError as error:
        return _form(found, sent, problem=str(error), status=HTTPStatus.CONFLICT)
    flash("Mended and started over." if changes else "Nothing was changed; it is started over as it was.")
    return see_other(SHOW, notification_id=notification_id)


def _check_unchanged(found: Notification) -> None:
    """Refuse what was written on an older state: it would undo what somebody else has mended."""
    if text("updated_at", found.updated_at.isoformat()) != found.updated_at.isoformat():
        now = f"it is {found.status}, to {found.recipient}"
        raise ConflictError(f"It has changed since you opened this form: {now}. Save again to have it as it is here.")


def _mend(uow: UnitOfWork, found: Notification, changes: dict[str, Any]) -> None:
    person = visitor()
    by = person.name if person else ""
    required = {name: value or "" if name != "subject" else value for name, value in changes.items()}
    dead_letters.edit_and_replay(uow, found.id, required, client_id=None, by=by)
    _note(uow, "notification.edit", found, changed=sorted(changes))


def _form(
    found: Notification,
    values: dict[str, Any],
    errors: dict[str, str] | None = None,
    *,
    problem: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    return page(
        "console/notifications/edit.html",
        status,
        row=found,
        values=values,
        errors=errors or {},
        problem=problem,
        can_start_over=found.status in RETRYABLE,
    )
