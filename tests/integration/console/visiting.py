"""Somebody who is logged in to the console, in tests that are not about the login."""

from __future__ import annotations

import time
from typing import Any

from flask import Flask, session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from werkzeug.datastructures import MultiDict
from werkzeug.test import Cookie, TestResponse

from sentinel.clock import utc_now
from sentinel.models import Action, User
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.sessions import BEGAN_AT

LOGIN_PATH = "/login"
"""Sessions are opened by the path of the request: this is one of the console's."""


class Visit:
    """A logged-in browser; its pages are got and its forms sent without looking for their tokens."""

    def __init__(self, app: Flask, role: str = "admin", name: str = "alice") -> None:
        self.browser: FlaskClient = app.test_client()
        self._app = app
        self._token = self._log_in(name, role)

    def get(self, path: str, **arguments: Any) -> TestResponse:
        """Look at a page."""
        return self.browser.get(path, query_string=arguments)

    def send(self, path: str, fields: MultiDict[str, str] | None = None, /, **more: str) -> TestResponse:
        """Send a form; the answer is usually 303."""
        data = MultiDict(fields or {})
        data.update({"csrf_token": self._token} | more)
        return self.browser.post(path, data=data)

    def send_json(self, path: str, body: Any) -> TestResponse:
        """Send JSON, as our scripts do."""
        return self.browser.post(path, json=body, headers={"X-CSRFToken": self._token})

    def send_by(self, method: str, path: str) -> TestResponse:
        """Ask by any method, with the token that scripts send."""
        return self.browser.open(path, method=method, headers={"X-CSRFToken": self._token})

    def follow(self, answer: TestResponse) -> TestResponse:
        """Go where a 303 leads."""
        assert answer.status_code == 303, answer.text
        return self.browser.get(answer.headers["Location"])

    def cookie(self) -> Cookie:
        """What keeps the session in the browser."""
        found = self.browser.get_cookie(self._app.config["SESSION_COOKIE_NAME"])
        assert found is not None
        return found

    def _log_in(self, name: str, role: str) -> str:
        user_id = _user(name, role)
        with self._app.test_request_context(LOGIN_PATH):
            token: str = generate_csrf()

            kept = dict(session)
        with self.browser.session_transaction(LOGIN_PATH) as session_of_browser:
            session_of_browser.update(kept | {"_user_id": f"{user_id}:1", "_fresh": True, BEGAN_AT: int(time.time())})
            session_of_browser.permanent = True
        return token


def actions() -> list[tuple[str, str, str, str | None]]:
    """What the audit trail has: (actor, action, subject, client), oldest first."""
    with unit_of_work() as uow:
        columns = (Action.actor, Action.action, Action.subject, Action.client)
        return [tuple(row) for row in uow.session.execute(select(*columns).order_by(Action.id))]  # type: ignore[misc]


def _user(name: str, role: str) -> int:
    """A user whose password nobody knows: to hash one takes as long as a test."""
    now = utc_now()
    values = {"name": name, "password_hash": "!", "role": role, "created_at": now, "updated_at": now}
    with unit_of_work() as uow:
        uow.session.execute(upsert(User).values(**values).on_conflict_do_nothing())
        found: int = uow.session.execute(select(User.id).where(User.name == name)).scalar_one()
    return found
