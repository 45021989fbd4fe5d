"""The screen Dead letter: causes, letters one by one, and replays that live on when the page is closed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.datastructures import MultiDict

from sentinel.models.status import Status
from sentinel.queries import dead_letters as queries
from sentinel.services.access import clients
from sentinel.services.bookkeeping import replays
from sentinel.services.unit_of_work import unit_of_work
from sentinel.stand_ins import ProviderStandIn, refused
from tests.integration.calls import execute
from tests.integration.conftest import Accept, RunPipeline
from tests.integration.console.conftest import AsRole
from tests.integration.console.test_notifications import ids_in, words_of
from tests.integration.console.visiting import Visit, actions
from tests.rows import count_statuses, row

HOME = "/console/dead-letters"


@pytest.fixture
def failed(accept: Accept, run_pipeline: RunPipeline, provider: ProviderStandIn) -> list[str]:
    """Three text messages that Twilio refused, and two mails of another client that came back."""
    with unit_of_work() as uow:
        shop = clients.create(uow, "shop").id
    ids = [accept(body=f"message {number}") for number in range(3)]
    provider.script(*[refused(400, 21617)] * 3)
    run_pipeline(ids)
    mails = [accept(client_id=shop, channel="email", recipient=f"{name}@example.com") for name in ("anna", "bob")]
    execute(
        "UPDATE notifications SET status = 'UNDELIVERED', reason = 'bounced', queue_at = NULL WHERE channel = 'email'"
    )
    return [*ids, *mails]


def test_without_letters_all_is_well(visit: Visit) -> None:
    assert "No dead letters" in visit.get(HOME).text


def test_causes_are_shown_with_what_to_do(visit: Visit, failed: list[str]) -> None:
    said = words_of(visit.get(HOME).text)

    assert "5 letters in 2 groups" in said
    assert "sms by twilio · code 21617 · default" in said
    assert said.index("code 21617") < said.index("Bounced")


def test_causes_can_be_narrowed(visit: Visit, failed: list[str]) -> None:
    assert "2 letters in 1 group" in words_of(visit.get(HOME, client="shop").text)
    assert "No dead letter fits" in visit.get(HOME, channel="slack").text
    assert visit.get(HOME, since="yesterday").status_code == 422


def test_a_cause_leads_to_its_letters(visit: Visit, failed: list[str]) -> None:
    page = visit.get(HOME).text
    (address,) = [each for each in re.findall(r'href="(/console/dead-letters/letters\?[^"]+)"', page) if "shop" in each]

    shown = visit.browser.get(address.replace("&amp;", "&")).text

    assert ids_in(shown) == failed[:2:-1]


def test_a_cause_without_a_provider_means_only_those_without(visit: Visit, failed: list[str]) -> None:
    execute("UPDATE notifications SET provider = 'smtp' WHERE id = :id", id=failed[4])

    shown = visit.get(f"{HOME}/letters", reason="bounced", provider="-").text

    assert ids_in(shown) == [failed[3]]


def test_too_many_to_be_counted_says_how_to_narrow_them(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sentinel.web.screens.dead_letters.showing.LOOK_SECONDS", 0.05)
    slow = text("SELECT pg_sleep(5)")
    monkeypatch.setattr(queries, "groups", lambda session, _: session.execute(slow))

    answer = visit.get(HOME)

    assert (answer.status_code, "Add since, for example 24h, or a client." in answer.text) == (422, True)


def test_a_look_before_says_how_many_and_how_long_and_does_nothing(as_role: AsRole, failed: list[str]) -> None:
    operator = as_role("operator")

    said = words_of(operator.get(f"{HOME}/replay", client="default", rate="1").text)

    assert "3 letters would start over" in said
    assert "At 1 a second the last one has its turn in 2 s." in said
    assert {row(each).status for each in failed[:3]} == {Status.FAILED}
    assert actions() == []


def test_all_of_a_cause_start_over(as_role: AsRole, failed: list[str]) -> None:
    operator = as_role("operator")

    answer = operator.send(f"{HOME}/replay", client="default", channel="sms", rate="20")

    page = operator.follow(answer).text
    assert "3 start over, 20 a second." in page
    assert count_statuses() == {"PENDING": 3, "UNDELIVERED": 2}
    (done,) = actions()
    assert (done[0], done[1], done[3]) == ("operator-alice", "letters.replay", "default")


def test_chosen_letters_start_over_and_no_others(as_role: AsRole, failed: list[str]) -> None:
    operator = as_role("operator")
    chosen = MultiDict([("id", failed[0]), ("id", failed[3])])

    asked = operator.send(f"{HOME}/replay/check", chosen)
    assert "2 letters would start over" in words_of(asked.text)
    assert asked.text.count('name="id"') == 2
    operator.send(f"{HOME}/replay", chosen, rate="50")

    assert {each for each in failed if row(each).status == Status.PENDING} == {failed[0], failed[3]}


def test_a_replay_shows_how_far_it_is_and_how_its_letters_ended(
    as_role: AsRole, failed: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    operator = as_role("operator")
    shown = operator.send(f"{HOME}/replay", client="default", rate="20").headers["Location"]
    provider.script(refused(400, 21617))
    run_pipeline(failed[:2])

    page = operator.get(shown).text

    said = words_of(page)
    assert ("1 sent" in said, "1 failed again" in said, "1 on their way" in said) == (True, True, True)
    assert re.search(r'<progress max="3" value="2"', page)
    assert 'data-live="/console/dead-letters/replays/' in page


def test_a_running_replay_stands_above_the_causes_and_can_be_stopped(as_role: AsRole, accept: Accept) -> None:
    operator = as_role("operator")
    for number in range(30):
        accept(body=f"message {number}")
    execute("UPDATE notifications SET status = 'FAILED', reason = 'attempts_exhausted', queue_at = NULL")
    replay_id = operator.send(f"{HOME}/replay", rate="1").headers["Location"].rpartition("/")[2]
    assert "20 still to come" in words_of(operator.get(HOME).text)

    page = operator.follow(operator.send(f"{HOME}/replays/{replay_id}/stop")).text
    again = operator.follow(operator.send(f"{HOME}/replays/{replay_id}/stop")).text

    assert "Stopped: 20 letters stay as they are." in page
    assert "20 left as they were" in words_of(page)
    assert "only a running one can be stopped" in again
    assert count_statuses() == {"PENDING": 10, "FAILED": 20}
    assert [each[1] for each in actions()] == ["letters.replay", "letters.stop"]


def test_two_clicks_begin_one_replay(as_role: AsRole, accept: Accept) -> None:
    operator = as_role("operator")
    for number in range(30):
        accept(body=f"message {number}")
    execute("UPDATE notifications SET status = 'FAILED', reason = 'attempts_exhausted', queue_at = NULL")

    first, second = (operator.send(f"{HOME}/replay", rate="1", since="1d", channel="sms") for _ in range(2))

    assert first.headers["Location"] == second.headers["Location"]
    assert count_statuses() == {"PENDING": 10, "FAILED": 20}
    assert [each[1] for each in actions()] == ["letters.replay"]


def test_a_replay_that_is_over_is_fetched_no_more(
    as_role: AsRole, failed: list[str], run_pipeline: RunPipeline, provider: ProviderStandIn
) -> None:
    operator = as_role("operator")
    shown = operator.send(f"{HOME}/replay", client="default", rate="20").headers["Location"]
    run_pipeline(failed[:3])
    execute("UPDATE letter_replays SET next_look_at = now() WHERE settled_at IS NULL")
    replays.sweep()

    assert "data-live-until-done" in operator.get(f"{shown}/progress").text
    assert "data-live=" not in operator.get(shown).text
    assert 'data-word="sent">3<' in operator.get(f"{HOME}/replays").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"rate": "0"}, "is no pace"), ({"rate": "fast"}, "is no pace"), ({"id": "7"}, "is not an id"),
     ({"since": "yesterday"}, "is not a time"), ({"channel": "pigeon"}, "unknown")],
)  # fmt: skip
def test_what_is_not_understood_starts_nothing_over(
    as_role: AsRole, failed: list[str], fields: dict[str, str], words: str
) -> None:
    answer = as_role("operator").send(f"{HOME}/replay", MultiDict(fields))

    assert (answer.status_code, words in answer.text) == (422, True)
    assert count_statuses() == {"FAILED": 3, "UNDELIVERED": 2}
    assert actions() == []


def test_what_has_started_over_meanwhile_is_not_started_over_again(as_role: AsRole, failed: list[str]) -> None:
    operator = as_role("operator")
    operator.send(f"{HOME}/replay", client="default")

    page = operator.follow(operator.send(f"{HOME}/replay", client="default")).text

    assert "There are no such letters any more" in page


def test_a_viewer_looks_and_is_told_who_may_act(as_role: AsRole, failed: list[str]) -> None:
    viewer: Any = as_role("viewer")

    assert "Operators may start them over." in viewer.get(HOME).text
    assert 'type="checkbox"' not in viewer.get(f"{HOME}/letters").text
    assert viewer.get(f"{HOME}/replay").status_code == 403


def test_none_that_was_chosen_does_not_mean_all(as_role: AsRole, failed: list[str]) -> None:
    operator = as_role("operator")
    page = operator.get(f"{HOME}/letters").text
    (form,) = re.findall(r'<form[^>]+id="choose">.*?</form>', page, re.DOTALL)
    hidden = MultiDict(re.findall(r'<input type="hidden" name="(chosen)" value="([^"]*)"', form))

    asked, begun = operator.send(f"{HOME}/replay/check", hidden), operator.send(f"{HOME}/replay", hidden)

    assert (asked.status_code, begun.status_code) == (422, 422)
    assert "choose at least one" in asked.text
    assert "would start over" not in asked.text
    assert count_statuses() == {"FAILED": 3, "UNDELIVERED": 2}


def test_what_cannot_be_counted_is_not_offered_nor_started(
    as_role: AsRole, failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = as_role("operator")
    monkeypatch.setattr("sentinel.web.screens.dead_letters.acting.LOOK_SECONDS", 0.05)
    slow = text("SELECT pg_sleep(5)")
    for name in ("groups", "count"):
        monkeypatch.setattr(queries, name, lambda session, _: session.execute(slow))

    asked, begun = operator.get(f"{HOME}/replay"), operator.send(f"{HOME}/replay", rate="20")

    assert (asked.status_code, begun.status_code) == (422, 422)
    assert 'name="rate"' not in asked.text + begun.text
    assert count_statuses() == {"FAILED": 3, "UNDELIVERED": 2}


def test_a_number_of_thousands_of_digits_is_no_number(as_role: AsRole, failed: list[str]) -> None:
    operator, long = as_role("operator"), "7" * 5000

    assert operator.send(f"{HOME}/replay", rate=long).status_code == 422
    assert operator.get("/console/notifications", rule=long).status_code == 422
    assert operator.get(f"{HOME}/replays", cursor=long).status_code == 200
