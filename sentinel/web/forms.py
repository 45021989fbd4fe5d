"""What people send to the console."""

from __future__ import annotations

import secrets

from flask import request, session
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from sentinel.errors import InvalidInputError
from sentinel.passwords import LONGEST
from sentinel.web.frame import not_done

FORM_ID = "form_id"
SENT, MOST_SENT = "sent_forms", 20
"""Of the forms that may be sent once, those that this session has sent: a cookie holds no more than some of them."""


class LoginForm(FlaskForm):  # type: ignore[misc]
    """A name and a password, and the page that was asked for."""

    name = StringField("Name", [InputRequired("Write your name."), Length(max=100)])
    password = PasswordField(
        "Password", [InputRequired("Write your password."), Length(max=LONGEST, message="That is too long.")]
    )
    next = HiddenField()


def text(name: str, default: str = "") -> str:
    """A field of the form that was sent, without the space around it; newlines as they are kept everywhere else."""
    return normal(request.form.get(name, default))


def normal(written: str) -> str:
    """A text as `text` returns it."""
    return written.replace("\r\n", "\n").strip()


def form_id() -> str:
    """A name for a form that may be sent once (`ui.once`): its answer shows a secret, and may be loaded again."""
    return secrets.token_urlsafe(9)


def is_sent_again() -> bool:
    """Whether this very form has done its work before; says so on the next page."""
    is_again = request.form.get(FORM_ID) in session.get(SENT, ())
    if is_again:
        not_done("This form was sent before. It was done then, and once: the secret it made is not shown again.")
    return is_again


def keep_sent() -> None:
    """Remember that this form has done its work."""
    sent = request.form.get(FORM_ID, "")
    if 0 < len(sent) <= len(form_id()):
        session[SENT] = [*session.get(SENT, ()), sent][-MOST_SENT:]


def errors_of(error: InvalidInputError) -> dict[str, str]:
    """What is wrong with each field, and what to do about it; of several errors of a field the first."""
    found: dict[str, str] = {}
    for each in error.errors:
        found.setdefault(each.field, f"{each.message}: {each.remedy}")
    return found
