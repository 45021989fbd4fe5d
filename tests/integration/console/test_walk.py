"""What holds for every page of the console, walked as they stand: new ones included."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from werkzeug.routing import Rule

from sentinel.services.access.users import ROLES
from sentinel.settings import get_settings
from sentinel.web.access import CHANGES, NEEDS
from sentinel.web.console import OPEN
from tests.conftest import Configure
from tests.integration.conftest import application
from tests.integration.console.conftest import AsRole
from tests.integration.console.visiting import actions

SAFE = {"GET", "HEAD", "OPTIONS"}


def console_rules() -> Iterator[Rule]:
    for rule in application(get_settings()).url_map.iter_rules():
        if rule.endpoint.startswith("console.") and rule.endpoint not in OPEN:
            yield rule


def path_of(rule: Rule) -> str:
    """An address of the rule that names nothing that exists."""
    samples = {"IntegerConverter": 999_999, "UUIDConverter": str(uuid4()), "UnicodeConverter": "none"}
    values = {name: samples.get(type(converter).__name__, "none") for name, converter in rule._converters.items()}
    adapter = application(get_settings()).url_map.bind("127.0.0.1")
    return adapter.build(rule.endpoint, values, next(iter(rule.methods or {"GET"})))


def unsafe() -> Iterator[tuple[str, str, object]]:
    for rule in console_rules():
        for method in sorted((rule.methods or set()) - SAFE):
            yield method, path_of(rule), application(get_settings()).view_functions[rule.endpoint]


def test_no_page_is_shown_to_who_is_not_logged_in(database: Configure) -> None:
    stranger = application(get_settings()).test_client()
    for rule in console_rules():
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            answer = stranger.open(path_of(rule), method=method)
            assert (answer.status_code, answer.headers.get("Location", "")[:6]) == (303, "/login"), rule


def test_whatever_is_sent_without_the_token_of_its_page_is_refused(as_role: AsRole) -> None:
    admin = as_role("admin")
    for method, path, _ in unsafe():
        answer = admin.browser.open(path, method=method, data={"x": "1"})
        assert answer.status_code == 400, (method, path)
    assert actions() == []


def test_what_is_sent_says_whether_it_changes_something_and_who_may(database: Configure) -> None:
    for method, path, view in unsafe():
        assert hasattr(view, CHANGES), f"{method} {path} is neither marked `acts` nor `asks`"
        assert not getattr(view, CHANGES) or getattr(view, NEEDS) in ROLES, (method, path)


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_nobody_does_what_takes_a_higher_role(role: str, as_role: AsRole) -> None:
    somebody = as_role(role)
    for method, path, view in unsafe():
        if ROLES.index(getattr(view, NEEDS, "viewer")) > ROLES.index(role):
            answer = somebody.send(path)
            assert (answer.status_code, "takes the role" in answer.text) == (403, True), (method, path)
    assert actions() == []


ARGUMENTS = ("actor", "action", "channel", "client", "cursor", "kind", "q", "recipient", "since", "status", "subject")
"""What pages take in their addresses; others take no notice."""


def test_a_nul_in_an_address_is_no_fault_of_ours(as_role: AsRole) -> None:
    admin = as_role("admin")
    with_nul = dict.fromkeys(ARGUMENTS, "a\0b")
    for rule in console_rules():
        if "GET" in (rule.methods or set()) and rule.endpoint.split(".")[1] != "flower":
            answer = admin.get(path_of(rule).replace("/none", "/a%00b"), **with_nul)
            assert answer.status_code < 500, (rule, answer.status_code)


def test_what_does_not_exist_is_said_as_a_page(as_role: AsRole) -> None:
    admin = as_role("admin")
    for rule in console_rules():
        if rule.arguments and "GET" in (rule.methods or set()):
            answer = admin.get(path_of(rule))
            if rule.endpoint.startswith("console.flower."):
                continue  # what is there, only Flower knows, and it does not run
            assert answer.status_code in {404, 303}, (rule, answer.status_code)
            assert answer.status_code == 303 or "<h1" in answer.text, rule


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/console/nope", "/console/", "/console/rules/1/nope", "/console/flower"])
def test_an_address_that_no_page_has_is_answered_by_a_page_whatever_is_asked_of_it(
    path: str, method: str, as_role: AsRole
) -> None:
    admin = as_role("admin")
    if (path, method) == ("/console/flower", "GET"):
        return  # led to where Flower is

    answer = admin.send_by(method, path)

    wanted = 405 if path == "/console/flower" else 404
    assert (answer.status_code, answer.mimetype, "<h1" in answer.text) == (wanted, "text/html", True)
    assert "Content-Security-Policy" in answer.headers
    assert "alice (admin)" in answer.text


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/console", "GET"),
        ("/console/rules", "GET"),
        ("/console/rules/1/edit", "GET, POST"),
        ("/login", "GET, POST"),
        ("/logout", "POST"),
        ("/first-user", "POST"),
    ],
)
def test_what_a_page_cannot_do_is_said_as_a_page_with_what_it_can(path: str, allowed: str, as_role: AsRole) -> None:
    admin = as_role("admin")
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        if method not in allowed:
            answer = admin.send_by(method, path)
            assert (answer.status_code, answer.headers.get("Allow")) == (405, allowed), method
            assert "That cannot be done here." in answer.text
    assert actions() == []


def test_a_stranger_is_led_to_the_login_from_wherever_nothing_is(database: Configure) -> None:
    stranger = application(get_settings()).test_client()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        for path in ("/console/nope", "/console/", "/console/rules"):
            answer = stranger.open(path, method=method)
            assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/login"), (method, path)
