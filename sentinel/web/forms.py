"""What people send to the console."""

from __future__ import annotations

from flask import request
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from sentinel.errors import InvalidInputError
from sentinel.passwords import LONGEST


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


def errors_of(error: InvalidInputError) -> dict[str, str]:
    """What is wrong with each field, and what to do about it; of several errors of a field the first."""
    found: dict[str, str] = {}
    for each in error.errors:
        found.setdefault(each.field, f"{each.message}: {each.remedy}")
    return found
