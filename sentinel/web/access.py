"""Who may do what: a viewer looks, an operator acts, an admin changes what is set up. What is done is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from http import HTTPStatus
from typing import Any

from flask import current_app, g, request
from flask_login import current_user
from werkzeug.wrappers import Response

from sentinel.errors import ForbiddenError
from sentinel.origins import origin_of
from sentinel.services.access import actions, clients
from sentinel.services.access.actions import Actor
from sentinel.services.access.clients import Caller
from sentinel.services.access.users import ROLES
from sentinel.services.unit_of_work import UnitOfWork, unit_of_work
from sentinel.web.sessions import Visitor

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
NEEDS, CHANGES = "needed_role", "changes_something"

View = Callable[..., Response]


def visitor() -> Visitor | None:
    """Who is logged in; None on pages that need no login, and on those that must not ask (`frame.bare_problem`)."""
    if current_app.secret_key is None or g.get("is_bare") or not current_user.is_authenticated:
        return None
    found: Visitor = current_user._get_current_object()  # noqa: SLF001 - as flask-login documents it
    return found


def may(role: str) -> bool:
    """Whether who is logged in may do what `role` may."""
    person = visitor()
    return person is not None and ROLES.index(person.role) >= ROLES.index(role)


def needs(role: str) -> Callable[[View], View]:
    """Mark a view that shows what not everybody may see."""

    def marked(view: View) -> View:
        setattr(view, NEEDS, role)
        return view

    return marked


def asks(view: View) -> View:
    """Mark a view that is sent something and changes nothing: a check, a preview."""
    setattr(view, CHANGES, False)
    return view


def acts(role: str) -> Callable[[View], View]:
    """Mark a view that changes something. It writes an action down, or says that nothing was done (`not_done`)."""

    def marked(view: View) -> View:
        @wraps(view)
        def acting_view(**values: Any) -> Response:
            response = view(**values)
            is_told = g.get("is_noted") or g.get("is_not_done") or response.status_code >= HTTPStatus.BAD_REQUEST
            if not is_told:
                raise RuntimeError(f"{view.__module__}.{view.__name__} acts and leaves no trace")
            return response

        setattr(acting_view, NEEDS, role)
        setattr(acting_view, CHANGES, True)
        return acting_view

    return marked


def needed_role(view: Callable[..., Any]) -> str:
    """The least role that may see, or do, what a view shows or does."""
    role: str = getattr(view, NEEDS, ROLES[0])
    return role


def check_access(view: Callable[..., Any]) -> None:
    """Refuse what the visitor may not do, and views that do not say what they are."""
    if request.method not in SAFE and not hasattr(view, CHANGES):
        raise RuntimeError(f"{request.endpoint} is neither marked `acts` nor `asks`")
    role = needed_role(view)
    if not may(role):
        person = visitor()
        raise ForbiddenError(f"This takes the role {role}; you are {person.role if person else 'nobody'}.")


def note_action(uow: UnitOfWork, action: str, subject: str, *, client: str | None = None, **detail: Any) -> None:
    """Write down what the visitor does (`resource.verb`), in the transaction that does it. No secrets, no texts."""
    person = visitor()
    if person is None:
        raise RuntimeError(f"{action} by nobody")
    actor = Actor(person.name, person.role, origin_of(request.remote_addr))
    actions.note(uow, actor, action, subject, client=client, detail=detail)
    g.is_noted = True


@contextmanager
def acting(action: str, subject: str, *, client: str | None = None, **detail: Any) -> Iterator[UnitOfWork]:
    """A unit of work that also writes down what the visitor does in it."""
    with unit_of_work() as uow:
        yield uow
        note_action(uow, action, subject, client=client, **detail)


def caller_for(uow: UnitOfWork, client_name: str) -> Caller:
    """The visitor acting for a client: histories call it by the user's name."""
    person = visitor()
    if person is None:
        raise RuntimeError("nobody acts")
    return clients.person_acting(uow, client_name, label=person.name)
