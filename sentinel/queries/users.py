"""Users of the console."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from sentinel.models import User
from sentinel.queries.unique import inserted


def add(session: Session, values: dict[str, Any]) -> User:
    """Store a user. Raises `TakenError`."""
    return inserted(session, insert(User).values(**values), User)


def by_name(session: Session, name: str) -> User | None:
    """Return the user of that name."""
    return session.scalar(select(User).where(User.name == name))


def of_session(session: Session, user_id: int, *, session_version: int) -> User | None:
    """Return the user behind a session, if it still holds."""
    mine = (User.id == user_id, User.session_version == session_version, User.is_active)
    return session.scalar(select(User).where(*mine))


def everybody(session: Session) -> Sequence[User]:
    """Return all users by name."""
    return session.scalars(select(User).order_by(User.name)).all()


def is_there_any(session: Session) -> bool:
    """Whether there is a user."""
    return bool(session.scalar(select(exists().select_from(User))))


def keep_others_out(session: Session) -> None:
    """Have others wait who would make a user, until this transaction ends."""
    session.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))


def change(session: Session, name: str, values: dict[str, Any], *, ends_sessions: bool) -> bool:
    """Change the user of that name; False if there is none."""
    if ends_sessions:
        values = values | {"session_version": User.session_version + 1}
    return session.scalar(update(User).where(User.name == name).values(**values).returning(User.id)) is not None


def note_login(session: Session, user: User, *, password_hash: str, now: datetime) -> bool:
    """Write down a login and the password's hash; False if the password has changed since `user` was read."""
    mine = (User.id == user.id, User.session_version == user.session_version)
    values = {"password_hash": password_hash, "last_login_at": now}
    return session.scalar(update(User).where(*mine).values(**values).returning(User.id)) is not None


def end_sessions(session: Session, user_id: int, *, session_version: int) -> None:
    """End all sessions of a user that have this version."""
    mine = (User.id == user_id, User.session_version == session_version)
    session.execute(update(User).where(*mine).values(session_version=session_version + 1))
