"""What the editor's form holds, as it was sent or as a stored rule fills it: nothing is lost when it is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import request

from sentinel.errors import FieldError, InvalidInputError
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.rules.syntax import ENDPOINT, EVERY_ENDPOINT
from sentinel.services.ruling.browsing import ListedRule
from sentinel.services.ruling.rule_texts import Shorthand
from sentinel.services.ruling.rules import Written
from sentinel.web.forms import text
from sentinel.web.numbers import whole

LANGUAGE, SHORT = "language", "short"
FORMS = (LANGUAGE, SHORT)
"""A rule is written in the rule language, or by severity, source and name of alerts."""

FIELD_OF = {"name": "alert"}
"""Alerts have names, and so have rules: the form asks for both."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The editor's fields. `rule_id` and `version` are those of the rule that is edited; 0: it is a new one."""

    client: str = DEFAULT_CLIENT
    name: str = ""
    rule: str = ""
    is_enabled: bool = True
    form: str = LANGUAGE
    severity: str = "*"
    source: str = "*"
    alert: str = "*"
    notify: str = f"{ENDPOINT}:{EVERY_ENDPOINT}"
    rule_id: int = 0
    version: int = 0
    event: str = ""

    @property
    def is_short(self) -> bool:
        """Whether it is written by severity, source and name."""
        return self.form == SHORT

    @property
    def given(self) -> str | Shorthand:
        """The rule itself, as it is written."""
        if not self.is_short:
            return self.rule
        targets = tuple(line.strip() for line in self.notify.splitlines() if line.strip())
        return Shorthand(self.severity, self.source, self.alert, targets)

    def written(self) -> Written:
        """What is to be stored. Raises `InvalidInputError`."""
        given = self.given
        if isinstance(given, str):
            return Written(self.name, given, self.is_enabled)
        if not given.targets:
            raise InvalidInputError(FieldError("notify", "", "names nobody", 'write a target, such as "endpoint:*"'))
        return Written(self.name or given.title, given, self.is_enabled)


def sent() -> Entry:
    """What the form says."""
    usual = Entry()
    form = text("form")
    return Entry(
        client=text("client") or usual.client,
        name=text("name"),
        rule=request.form.get("rule", "").replace("\r\n", "\n").rstrip(),
        is_enabled=text("is_enabled") == "on",
        form=form if form in FORMS else LANGUAGE,
        severity=text("severity") or usual.severity,
        source=text("source") or usual.source,
        alert=text("alert") or usual.alert,
        notify=text("notify"),
        rule_id=whole(text("rule_id")),
        version=whole(text("version")),
        event=text("event"),
    )


def of_rule(found: ListedRule) -> Entry:
    """The form of a stored rule; `?form=…` and the like say nothing here."""
    rule = found.rule
    return Entry(found.client, rule.name, rule.text, rule.is_enabled, rule_id=rule.id, version=rule.version)


def blank() -> Entry:
    """The form of a new rule, for the client and in the form that the address names."""
    asked = request.args
    form = asked.get("form", "")
    return replace(
        Entry(), client=asked.get("client", "").strip() or DEFAULT_CLIENT, form=form if form in FORMS else LANGUAGE
    )


def no_client(entry: Entry, message: str) -> FieldError:
    """The refusal of a client that is not there."""
    return FieldError("client", entry.client, message, "choose one of those")
