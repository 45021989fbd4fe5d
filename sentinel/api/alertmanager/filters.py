"""What lists of Alertmanager's API are narrowed to: matchers, states, receivers."""

from __future__ import annotations

from flask import request

from sentinel.errors import FieldError, InvalidInputError, shown
from sentinel.rules.matchers import Matcher, parse
from sentinel.services.muting.matchers import MATCHER_REMEDY

FLAGS = {"true": True, "1": True, "false": False, "0": False}


def matchers_of(parameter: str) -> list[Matcher]:
    """The matchers of a query parameter, which may be there several times."""
    return [_matcher(parameter, each) for each in request.args.getlist(parameter)]


def _matcher(parameter: str, text: str) -> Matcher:
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidInputError(FieldError(parameter, shown(text), str(error), MATCHER_REMEDY)) from None


def flag(parameter: str) -> bool:
    """Whether a state is wanted: yes, unless it is said."""
    text = request.args.get(parameter, "true").lower()
    if text not in FLAGS:
        raise InvalidInputError(FieldError(parameter, shown(text), "is neither", "use true or false"))
    return FLAGS[text]


def receiver_is_wanted(name: str) -> bool:
    """Whether a receiver's name matches the regular expression `receiver`, if there is one."""
    pattern = request.args.get("receiver")
    if pattern is None:
        return True
    matcher = Matcher("receiver", pattern, is_regex=True)
    if problem := matcher.problem():
        remedy = "write a regular expression as RE2 has them"
        raise InvalidInputError(FieldError("receiver", shown(pattern), f"cannot be read: {problem}", remedy))
    return matcher.matches(name)
