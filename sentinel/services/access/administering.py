"""What admins do to users in the console, and users to themselves: nobody locks everybody out.

`sentinel users` may do all of it: whoever has the command line has the database.
"""

from __future__ import annotations

from sentinel.errors import ConflictError, FieldError, InvalidInputError, NotFoundError
from sentinel.json_bounds import is_storable
from sentinel.models import User
from sentinel.passwords import is_password
from sentinel.queries import users as queries
from sentinel.services.access import users
from sentinel.services.access.users import ROLES
from sentinel.services.unit_of_work import UnitOfWork

ADMIN = ROLES[-1]
OLD_PASSWORD = "old_password"  # noqa: S105 - the name of a field


def find(uow: UnitOfWork, name: str) -> User:
    """Return the user of that name. Raises `NotFoundError`."""
    found = queries.by_name(uow.session, users.own_spelling(name)) if is_storable(name) else None
    if found is None:
        raise NotFoundError(f"There is no user {name[:100]}.")
    return found


def check_role(role: str) -> None:
    """Refuse what is no role."""
    if role not in ROLES:
        raise InvalidInputError(FieldError("role", role[:20], "is no role", f"use one of {', '.join(ROLES)}"))


def give_role(uow: UnitOfWork, name: str, role: str, *, by: str) -> None:
    """Give a user another role; an admin stays one until another admin says otherwise."""
    check_role(role)
    if users.own_spelling(name) == by and role != ADMIN:
        raise ConflictError("You cannot take your own admin role away; another admin can.")
    queries.keep_others_out(uow.session)
    users.set_role(uow, name, role)
    _require_admin(uow)


def shut_out(uow: UnitOfWork, name: str, *, by: str) -> None:
    """End a user's sessions and refuse new ones."""
    if users.own_spelling(name) == by:
        raise ConflictError("You cannot disable yourself; another admin can.")
    queries.keep_others_out(uow.session)
    users.disable(uow, name)
    _require_admin(uow)


def end_sessions(uow: UnitOfWork, name: str) -> None:
    """Log a user out of every browser."""
    found = find(uow, name)
    users.log_out(uow, found.id, session_version=found.session_version)


def change_own_password(uow: UnitOfWork, name: str, *, old: str, new: str) -> User:
    """Give a user the password of their choice, if they know the one before; all sessions end. Returns the user."""
    if not is_password(old, find(uow, name).password_hash):
        remedy = "write the one you log in with; an admin can give you a new one"
        raise InvalidInputError(FieldError(OLD_PASSWORD, "(password)", "is not your password", remedy))
    users.set_password(uow, name, new)
    return find(uow, name)


def _require_admin(uow: UnitOfWork) -> None:
    if not queries.has_admin(uow.session):
        raise ConflictError("This is the last admin who may log in: make another one first.")
