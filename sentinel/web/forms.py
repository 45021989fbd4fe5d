"""What people send to the console."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

from sentinel.passwords import LONGEST
from sentinel.web.sessions import BELOW, HOME


class LoginForm(FlaskForm):  # type: ignore[misc]
    """A name and a password, and the page that was asked for."""

    name = StringField("Name", [InputRequired("Write your name."), Length(max=100)])
    password = PasswordField(
        "Password", [InputRequired("Write your password."), Length(max=LONGEST, message="That is too long.")]
    )
    next = HiddenField()


def own_page(wanted: str | None) -> str:
    """The page to go to after the login: `wanted` if it is one of the console, else its first one."""
    if not wanted or not wanted.isprintable() or "\\" in wanted:
        return HOME
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return HOME
    is_here = not parts.scheme and not parts.netloc and ".." not in parts.path.split("/")
    return wanted if is_here and (parts.path == HOME or parts.path.startswith(BELOW)) else HOME
