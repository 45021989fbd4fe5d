"""Sessions of the console: a signed cookie that only its pages see, tied to the user as the database has it now."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from flask import Flask, Request, Response, redirect, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, login_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from sentinel.models import User
from sentinel.sealing import derived_keys
from sentinel.services.access import users
from sentinel.services.unit_of_work import unit_of_work
from sentinel.settings import Settings
from sentinel.web.addresses import BELOW, HOME
from sentinel.web.frame import LIVE_HEADER

BEGAN_AT = "began_at"
COOKIE = "sentinel_session"

PAGES = frozenset({HOME, "/login", "/logout", "/first-user"})
ASSETS = f"{HOME}/assets/"


@dataclass(frozen=True, slots=True)
class Visitor(UserMixin):  # type: ignore[misc]
    """Who is logged in."""

    id: int
    name: str
    role: str
    session_version: int

    def get_id(self) -> str:
        """What the cookie keeps: a new password, a logout or a disabled user makes it worthless."""
        return f"{self.id}:{self.session_version}"


class ConsoleSessions(SecureCookieSessionInterface):
    """Opens a session for the console's pages alone: no other part of the application ever sees who is logged in."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie, where it may be read at all; None means a session that keeps nothing."""
        # By the path: sessions are opened before the address is understood.
        is_page = request.path in PAGES or request.path.startswith(BELOW)
        if not is_page or request.path.startswith(ASSETS):
            return None
        return super().open_session(app, request)

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Whether the session goes on from now: a page that looks by itself is nobody who uses it."""
        is_by_itself = LIVE_HEADER in request.headers and not session.modified
        return not is_by_itself and super().should_set_cookie(app, session)


def install_sessions(app: Flask, settings: Settings) -> None:
    """Give the application its logins; without SENTINEL_SECRET_KEYS it has none."""
    is_https = settings.public_base_url.startswith("https://")
    keys = derived_keys("console sessions")
    app.session_interface = ConsoleSessions()
    app.config.update(
        SECRET_KEY=keys[0] if keys else None,
        SECRET_KEY_FALLBACKS=keys[1:],
        # Browsers keep a __Host- cookie only if it came by https from this very host.
        SESSION_COOKIE_NAME=f"__Host-{COOKIE}" if is_https else COOKIE,
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=settings.session_idle_seconds),
    )
    logins = LoginManager()
    logins.session_protection = None  # people change networks; what ends a session is in the database
    logins.user_loader(lambda kept: _visitor(kept, settings))
    logins.unauthorized_handler(_to_login)
    logins.init_app(app, add_context_processor=False)


def begin(user: User) -> None:
    """Log a user in; nothing of the session before stays, so nobody can have prepared it."""
    session.clear()
    session.permanent = True
    session[BEGAN_AT] = int(time.time())
    login_user(_as_visitor(user))


def end(visitor: Visitor) -> None:
    """Log a user out, in every browser."""
    with unit_of_work() as uow:
        users.log_out(uow, visitor.id, session_version=visitor.session_version)
    logout_user()
    session.clear()


def _visitor(kept: str, settings: Settings) -> Visitor | None:
    """Who the session says it is, if that still holds."""
    if time.time() >= session.get(BEGAN_AT, 0) + settings.session_seconds:
        return None
    user_id, _, version = kept.partition(":")
    with unit_of_work() as uow:
        found = users.of_session(uow, int(user_id), session_version=int(version))
    return None if found is None else _as_visitor(found)


def _as_visitor(user: User) -> Visitor:
    return Visitor(user.id, user.name, user.role, user.session_version)


def _to_login() -> AnyResponse:
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    response: Response | AnyResponse = redirect(url_for("console.login", next=wanted), code=303)
    return response
