"""Links in messages: signed, used once, for a time, and not for what began after them; to look at one does nothing."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from sentinel.sealing import new_secret_key
from sentinel.services.escalating import acting, links
from sentinel.stand_ins import ProviderStandIn
from tests.conftest import SECRET_KEY, Configure
from tests.integration.calls import execute, stored
from tests.integration.conftest import RunPipeline, application, live_settings
from tests.integration.escalating import (
    ANN,
    BOB,
    CID,
    escalation,
    history,
    messages,
    notifications,
    open_ticket,
    pass_time,
    sweep_until_quiet,
    taken_over,
    told,
)
from tests.integration.rules import tickets

BASE = "https://sentinel.example.com"
LINK = re.compile(rf"{BASE}/t/[\w-]{{24}}(?![\w-])")


@pytest.fixture
def outside(database: Configure) -> FlaskClient:
    """The API as the outside reaches it."""
    database(PUBLIC_BASE_URL=BASE)
    return application().test_client()


def path_of(message_id: int) -> str:
    address = links.address_of(message_id)
    assert address is not None
    return address.removeprefix(BASE)


def told_ticket(**more: Any) -> tuple[int, str]:
    """A ticket whose first step was told; its id and the address in the message."""
    ticket_id = open_ticket(**more)
    sweep_until_quiet()
    return ticket_id, path_of(messages(ticket_id)[0].id)


def clicked(api: FlaskClient, path: str, action: str, **more: str) -> TestResponse:
    """Press a button and follow to the page that then comes."""
    response = api.post(path, data={"action": action} | more)
    assert response.status_code == 303, response.text
    assert urljoin(path, response.headers["Location"]) == path
    return api.get(path)


def status() -> tuple[str, str | None]:
    (found,) = tickets()
    return found.status, found.resolved_by or found.acknowledged_by


def test_the_link_in_a_message_acknowledges_for_whom_it_was_sent_to(outside: FlaskClient) -> None:
    ticket_id, path = told_ticket()

    page = clicked(outside, path, "acknowledge")

    assert status() == ("acknowledged", ANN)
    assert history(ticket_id)[-1].detail == {"by": ANN, "how": "link"}
    assert page.status_code == 410
    assert "This link was used at" in page.text
    assert f"acknowledged by {ANN}" in page.text
    assert "<form" not in page.text
    pass_time(10_000)
    assert sweep_until_quiet() == 0


def test_to_look_at_a_link_does_nothing(outside: FlaskClient) -> None:
    _, path = told_ticket()

    pages = [outside.get(path), outside.head(path), outside.get(path), outside.options(path)]

    assert [page.status_code for page in pages] == [200] * 4
    assert status() == ("open", None)
    assert all(f'value="{action}"' in pages[0].text for action in ("acknowledge", "snooze", "resolve"))


def test_a_link_resolves(outside: FlaskClient) -> None:
    _, path = told_ticket()

    page = clicked(outside, path, "resolve")

    assert status() == ("resolved", ANN)
    assert f"resolved by {ANN}" in page.text


def test_a_link_snoozes_and_the_next_step_has_one_of_its_own(outside: FlaskClient) -> None:
    ticket_id, path = told_ticket()

    page = clicked(outside, path, "snooze", minutes="60")

    assert "open, snoozed until" in page.text
    pass_time(3600)
    sweep_until_quiet()
    assert told(ticket_id)[-1] == (1, 2, BOB)
    assert clicked(outside, path_of(messages(ticket_id)[-1].id), "acknowledge").status_code == 410
    assert status() == ("acknowledged", BOB)


def test_a_link_acts_once(outside: FlaskClient) -> None:
    ticket_id, path = told_ticket()
    clicked(outside, path, "snooze", minutes="30")

    page = clicked(outside, path, "resolve")

    assert page.status_code == 410
    assert status() == ("open", None)
    assert escalation(ticket_id).state == "snoozed"


def test_of_many_clicks_at_once_one_acts(outside: FlaskClient) -> None:
    ticket_id, path = told_ticket()
    app = outside.application

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: app.test_client().post(path, data={"action": "acknowledge"}), range(4)))

    assert [each.status_code for each in done] == [303] * 4
    assert [each.event for each in history(ticket_id)].count("acknowledged") == 1


@pytest.mark.parametrize("spoil", [lambda token: token[:-1], lambda _: "A" * 24, lambda token: token + "A", str.lower])
def test_what_we_have_not_signed_tells_nothing_and_does_nothing(outside: FlaskClient, spoil: Any) -> None:
    _, path = told_ticket()
    forged = f"/t/{spoil(path.rpartition('/')[2])}"

    answers = [outside.get(forged), outside.get("/t/" + links._token(7, links._keys()[0]))]

    assert [each.status_code for each in answers] == [404, 404]
    assert answers[0].text == answers[1].text
    assert outside.post(forged, data={"action": "resolve"}).status_code == 303
    assert status() == ("open", None)


def test_a_link_expires(outside: FlaskClient) -> None:
    _, path = told_ticket()
    pass_time(86_400)

    page = clicked(outside, path, "acknowledge")

    assert page.status_code == 410
    assert "This link has expired" in page.text
    assert status() == ("open", None)


def test_a_link_does_not_answer_for_what_was_opened_again(outside: FlaskClient) -> None:
    ticket_id = open_ticket((0, [ANN, BOB]), acknowledge_timeout_seconds=600)
    sweep_until_quiet()
    anns, bobs = sorted(messages(ticket_id), key=lambda each: each.who == BOB)
    assert sorted((anns.who, bobs.who)) == sorted((ANN, BOB))
    clicked(outside, path_of(anns.id), "acknowledge")
    pass_time(600)
    sweep_until_quiet()

    page = clicked(outside, path_of(bobs.id), "acknowledge")

    assert page.status_code == 410
    assert "Since this message the ticket was opened again" in page.text
    assert status() == ("open", None)
    newest = next(each for each in reversed(messages(ticket_id)) if each.who == BOB)
    clicked(outside, path_of(newest.id), "acknowledge")
    assert status() == ("acknowledged", BOB)


def test_a_link_of_an_earlier_step_acts_while_later_ones_are_told(outside: FlaskClient) -> None:
    _, path = told_ticket()
    pass_time(300)
    sweep_until_quiet()

    clicked(outside, path, "acknowledge")

    assert status() == ("acknowledged", ANN)


def test_who_comes_second_sees_who_was_first_and_can_only_resolve(outside: FlaskClient) -> None:
    ticket_id = open_ticket((0, [ANN, BOB]))
    sweep_until_quiet()
    first, second = (path_of(each.id) for each in messages(ticket_id))
    who = messages(ticket_id)[0].who
    clicked(outside, first, "acknowledge")

    page = outside.get(second)

    assert page.status_code == 200
    assert f"acknowledged by {who}" in page.text
    assert 'value="acknowledge"' not in page.text
    assert clicked(outside, second, "acknowledge").status_code == 200
    assert status() == ("acknowledged", who)
    clicked(outside, second, "resolve")
    assert status()[0] == "resolved"


def test_a_button_that_is_none_is_refused(outside: FlaskClient) -> None:
    _, path = told_ticket()

    answers = [
        outside.post(path, data={"action": "delete"}),
        outside.post(path, data={"action": "snooze", "minutes": "999999"}),
        outside.post(path, data={}),
        outside.put(path),
        outside.get("/t/"),
    ]

    assert [each.status_code for each in answers] == [400, 400, 400, 405, 404]
    assert status() == ("open", None)


def test_the_page_tells_its_address_to_nobody_and_loads_nothing_from_elsewhere(outside: FlaskClient) -> None:
    _, path = told_ticket()

    page = outside.get(path)

    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.findall(r"""(?:src|href|action)=["']?(?:https?:)?//""", page.text)
    assert "Set-Cookie" not in page.headers
    assert '<meta name="viewport"' in page.text


def test_behind_a_path_the_page_its_button_and_its_files_stay_there(database: Configure) -> None:
    database(PUBLIC_BASE_URL=f"{BASE}/alerts")
    api = application().test_client()
    _, path = told_ticket()
    assert path.startswith("/alerts/t/")

    page = api.get(path.removeprefix("/alerts"))
    answer = api.post(path.removeprefix("/alerts"), data={"action": "resolve"})

    addresses = re.findall(r"""(?:src|href|action)="([^"#]*)\"""", page.text)
    led_to = {urljoin(path, each) for each in addresses if not each.startswith("data:")}
    assert all(each.startswith("/alerts/") for each in led_to), led_to
    assert {path, "/alerts/console/assets/console.css", "/alerts/console/assets/theme.js"} <= led_to
    assert urljoin(path, answer.headers["Location"]) == path


def test_an_address_that_looks_like_a_scheme_leads_nowhere_else(outside: FlaskClient) -> None:
    answer = outside.post("/t/https:example.org", data={"action": "resolve"})

    assert urljoin(f"{BASE}/t/https:example.org", answer.headers["Location"]) == f"{BASE}/t/https:example.org"


def test_nothing_is_logged_by_which_somebody_could_act(
    database: Configure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database(PUBLIC_BASE_URL=BASE, SENTINEL_LOG_LEVEL="debug")
    outside = application().test_client()
    _, path = told_ticket()
    token = path.rpartition("/")[2]
    clicked(outside, path, "acknowledge")
    for error in (OperationalError("s", {}, Exception("away")), RuntimeError("broken")):
        monkeypatch.setattr(acting, "look", lambda *_, error=error: (_ for _ in ()).throw(error))
        assert outside.get(path).status_code in (500, 503)

    logged = capsys.readouterr().err

    assert "database_unavailable" in logged
    assert "request_failed" in logged
    assert token not in logged


def test_a_title_cannot_write_into_the_page(outside: FlaskClient) -> None:
    _, path = told_ticket()
    execute("UPDATE tickets SET title = '<script>alert(1)</script>', device_id = '\"><img src=x>'")

    page = outside.get(path)

    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text


def test_without_an_address_for_the_outside_or_a_key_there_is_no_link(database: Configure) -> None:
    database(PUBLIC_BASE_URL="")
    assert links.address_of(7) is None
    database(PUBLIC_BASE_URL=BASE, SENTINEL_SECRET_KEYS="")
    assert links.address_of(7) is None
    assert links.message_of("A" * 24) is None


def test_links_outlive_a_new_key_as_long_as_the_old_one_is_kept(database: Configure) -> None:
    database(PUBLIC_BASE_URL=BASE)
    token = str(links.address_of(2**63 - 1)).rpartition("/")[2]

    database(PUBLIC_BASE_URL=BASE, SENTINEL_SECRET_KEYS=f"{new_secret_key()},{SECRET_KEY}")
    assert links.message_of(token) == 2**63 - 1
    database(PUBLIC_BASE_URL=BASE, SENTINEL_SECRET_KEYS=new_secret_key())
    assert links.message_of(token) is None


def test_the_link_leaves_with_the_message_and_lies_in_no_row(
    provider: ProviderStandIn, database: Configure, run_pipeline: RunPipeline
) -> None:
    database(**live_settings(provider.url), PUBLIC_BASE_URL=BASE)
    ticket_id = open_ticket((0, [ANN, BOB, CID]))
    sweep_until_quiet()
    for each in notifications():
        run_pipeline([each.id], each.channel)

    sent = {entry.recipient: LINK.findall(json.dumps(entry.body)) for entry in provider.entries}

    assert {recipient: len(found) for recipient, found in sent.items()} == {
        "+14155552671": 1,
        "bob@example.com": 2,
        "#ops": 1,
    }
    assert len({link for found in sent.values() for link in found}) == 3
    for table in ("notifications", "ticket_messages", "ticket_entries", "attempts", "timeline_entries"):
        assert stored(f"{table} t WHERE t::text LIKE '%/t/%'") == 0
    assert set(sent["+14155552671"]) == {links.address_of(m.id) for m in messages(ticket_id) if m.who == ANN}


def test_whoever_takes_over_for_a_target_has_its_link(outside: FlaskClient) -> None:
    ticket_id = taken_over()

    first, second = notifications()
    assert second.failover_of == first.id
    assert first.ticket_message_id == second.ticket_message_id == messages(ticket_id)[0].id
    clicked(outside, path_of(messages(ticket_id)[0].id), "acknowledge")
    assert status() == ("acknowledged", "ann")
