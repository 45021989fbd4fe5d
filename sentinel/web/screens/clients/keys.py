"""API keys of a client: made, shown once, revoked."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from flask import flash, request
from werkzeug.wrappers import Response

from sentinel.errors import FieldError, InvalidInputError, NotFoundError, shown
from sentinel.services.access import clients
from sentinel.services.access.clients import ADMIN, BROADCAST, KEY_SCOPES, RESOURCES
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.access import acting, acts, caller_for, note_action
from sentinel.web.forms import errors_of, is_sent_again, keep_sent, text
from sentinel.web.frame import not_done, page, see_other
from sentinel.web.paging import number_cursor, page_size, paged

LIVES = (("30", "30 days"), ("90", "90 days"), ("365", "1 year"), ("", "until it is revoked"))
"""How long a new key may work, in days."""
FURTHER = {
    BROADCAST: "its events are heard by the rules of every client",
    KEY_SCOPES[0]: "sees the client's keys",
    KEY_SCOPES[1]: "makes and revokes the client's keys",
    ADMIN: "acts for every client, and manages clients and keys",
}
"""Scopes beyond a client's own things, and what they mean."""


def index(client_id: int) -> Response:
    """List the keys of a client, oldest first."""
    return _listed(client_id)


@acts("admin")
def make(client_id: int) -> Response:
    """Make a key; this answer alone shows it."""
    if is_sent_again():
        return see_other("console.clients.keys", client_id=client_id)
    name, scopes, days = text("name"), request.form.getlist("scopes"), text("days")
    with unit_of_work() as uow:
        client = clients.get(uow, client_id).name
    try:
        with unit_of_work() as uow:
            life = _life(days)
            expires_at = None if life is None else uow.now + life
            row, key = clients.issue_key(uow, caller_for(uow, client), name, scopes=scopes, expires_at=expires_at)
            note_action(uow, "key.create", f"key {row.id}", client=client, name=name, scopes=list(row.scopes))
    except InvalidInputError as error:
        return _listed(client_id, errors=errors_of(error), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    keep_sent()
    return page("console/clients/new_key.html", client_id=client_id, client=client, row=row, key=key)


@acts("admin")
def revoke(client_id: int, key_id: int) -> Response:
    """Revoke a key; it stops working with the next request."""
    with unit_of_work() as uow:
        client = clients.get(uow, client_id).name
        name = clients.get_key(uow, key_id, client_id=client_id).name
    try:
        with acting("key.revoke", f"key {key_id}", client=client, name=name) as uow:
            clients.revoke_key(uow, key_id, client_id=client_id)
    except NotFoundError:
        not_done(f"Key {name} does not work any more; there was nothing to revoke.")
    else:
        flash(f"Key {name} is revoked.")
    return see_other("console.clients.keys", client_id=client_id)


def _life(days: str) -> timedelta | None:
    if days not in dict(LIVES):
        raise InvalidInputError(FieldError("days", shown(days), "is not among the choices", "choose one of the list"))
    return timedelta(days=int(days)) if days else None


def _listed(client_id: int, *, errors: dict[str, str] | None = None, status: HTTPStatus = HTTPStatus.OK) -> Response:
    with unit_of_work() as uow:
        client = clients.get(uow, client_id)
        rows, following = clients.keys_page(uow, client_id, after=number_cursor(), size=page_size())
        states = {key.id: clients.key_state(key, now=uow.now) for key in rows}
    return page(
        "console/clients/keys.html",
        status,
        client=client,
        page=paged(rows, following),
        states=states,
        errors=errors or {},
        resources=RESOURCES,
        further=FURTHER,
        lives=LIVES,
        sent=request.form,
    )
