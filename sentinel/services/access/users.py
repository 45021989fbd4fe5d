"""Users of the console: made by operators on the command line, let in by their password."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.logs import get_logger
from sentinel.models import User
from sentinel.passwords import LONGEST, SHORTEST, is_password, password_hash, renewed_hash
from sentinel.queries import users
from sentinel.queries.unique import TakenError
from sentinel.services.access import actions
from sentinel.services.access.actions import Actor
from sentinel.services.unit_of_work import UnitOfWork

log = get_logger(__name__)

ROLES = ("viewer", "operator", "admin")
"""Each may do what those before it may: a viewer looks, an operator acts, an admin changes what is set up."""

NOBODY = "(unknown)"
"""Who tried to log in, where no user has that name; no user can be called so."""

NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")


def create(uow: UnitOfWork, name: str, password: str, *, role: str) -> User:
    """Store a new user."""
    name = checked_name(name)
    values = {
        "name": name,
        "password_hash": password_hash(_checked_password(password, name)),
        "role": role,
        "created_at": uow.now,
        "updated_at": uow.now,
    }
    try:
        return users.add(uow.session, values)
    except TakenError:
        message = f"there is a user {name} already; `sentinel users passwd {name}` gives a new password"
        raise ConflictError(message) from None


def create_first(uow: UnitOfWork, name: str, password: str) -> User:
    """Store the first user, an admin; refused once there is one."""
    users.keep_others_out(uow.session)
    if users.is_there_any(uow.session):
        raise ConflictError("there is a user already; log in, or have an admin make a user for you")
    return create(uow, name, password, role="admin")


def everybody(uow: UnitOfWork) -> Sequence[User]:
    """Return all users by name."""
    return users.everybody(uow.session)


def is_there_any(uow: UnitOfWork) -> bool:
    """Whether there is a user who could log in."""
    return users.is_there_any(uow.session)


def set_password(uow: UnitOfWork, name: str, password: str) -> None:
    """Give a user a new password; sessions that began with the old one end."""
    hashed = password_hash(_checked_password(password, own_spelling(name)))
    _change(uow, name, {"password_hash": hashed}, ends_sessions=True)


def set_role(uow: UnitOfWork, name: str, role: str) -> None:
    """Give a user another role; holds from the next request on."""
    _change(uow, name, {"role": role}, ends_sessions=False)


def disable(uow: UnitOfWork, name: str) -> None:
    """End a user's sessions and refuse new ones."""
    _change(uow, name, {"is_active": False}, ends_sessions=True)


def enable(uow: UnitOfWork, name: str) -> None:
    """Let a disabled user log in again."""
    _change(uow, name, {"is_active": True}, ends_sessions=False)


def log_in(uow: UnitOfWork, name: str, password: str, *, origin: str) -> User | None:
    """Return the user of that name and password; None for whatever is wrong, after the same work."""
    found = None if "\0" in name else users.by_name(uow.session, own_spelling(name))
    is_right = is_password(password, found.password_hash if found else None)
    if found is None or not is_right or not found.is_active or not _noted(uow, found, password):
        # A name that nobody has may be a password in the wrong field: it is not written down.
        log.warning("login_refused", user=found.name if found else None, origin=origin)
        uow.count("logins_total", result="refused")
        _note_session(uow, "refuse", found, origin)
        return None
    log.info("login", user=found.name, origin=origin)
    uow.count("logins_total", result="ok")
    _note_session(uow, "begin", found, origin)
    return found


def note_throttled(uow: UnitOfWork, *, origin: str) -> None:
    """Write down that an address may not try any more passwords for now; who it is, nobody has looked."""
    _note_session(uow, "throttle", None, origin)


def note_refused(uow: UnitOfWork, name: str, role: str, *, origin: str) -> None:
    """Write down that somebody who is logged in did not know the password that is changed."""
    log.warning("password_refused", user=name, origin=origin)
    subject = f"user {name}"
    actions.note(uow, Actor(name, role, origin), "session.refuse", subject, client=None, detail={"to": "password"})


def _note_session(uow: UnitOfWork, verb: str, user: User | None, origin: str) -> None:
    name, role = (user.name, user.role) if user else (NOBODY, "")
    subject = f"user {name}" if user else "login"
    actions.note(uow, Actor(name, role, origin), f"session.{verb}", subject, client=None, detail={})


def of_session(uow: UnitOfWork, user_id: int, *, session_version: int) -> User | None:
    """Return the user behind a session; None once the session was ended."""
    return users.of_session(uow.session, user_id, session_version=session_version)


def log_out(uow: UnitOfWork, user_id: int, *, session_version: int) -> None:
    """End the session, and with it all others of this user: a copy of its cookie is worth nothing any more."""
    users.end_sessions(uow.session, user_id, session_version=session_version)


def _noted(uow: UnitOfWork, found: User, password: str) -> bool:
    renewed = renewed_hash(password, found.password_hash)
    return users.note_login(uow.session, found, password_hash=renewed, now=uow.now)


def own_spelling(name: str) -> str:
    """A name as it is stored: people write theirs in any case."""
    return name.strip().lower()


def checked_name(name: str) -> str:
    """The name in its one spelling, or what is wrong with it."""
    found = own_spelling(name)
    if not NAME.fullmatch(found):
        remedy = "use up to 100 letters (a-z), digits and . _ @ + -, beginning with a letter or digit"
        raise InvalidInputError(FieldError("name", name[:100], "cannot be a user's name", remedy))
    return found


def _checked_password(password: str, name: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        remedy = f"use {SHORTEST} to {LONGEST} characters, for example a sentence"
        raise InvalidInputError(FieldError("password", "(password)", "is too short or too long", remedy))
    if name in password.lower() and len(password) < len(name) + SHORTEST // 2:
        raise InvalidInputError(FieldError("password", "(password)", "is little more than the name", "use another"))
    return password


def _change(uow: UnitOfWork, name: str, values: dict[str, Any], *, ends_sessions: bool) -> None:
    name = checked_name(name)
    if not users.change(uow.session, name, values | {"updated_at": uow.now}, ends_sessions=ends_sessions):
        raise NotFoundError(f"there is no user {name}; see `sentinel users list`")
