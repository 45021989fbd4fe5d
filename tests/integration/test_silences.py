"""Silences keep messages back while they are active, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from sentinel.clock import utc_now
from sentinel.errors import ConflictError, InvalidInputError
from sentinel.models import Notification
from sentinel.rules.matchers import Matcher, parse
from sentinel.services.muting import silence_checks, silences
from sentinel.services.muting.matchers import read_lines
from sentinel.services.muting.silence_checks import Wanted
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute
from tests.integration.rules import client, endpoint, event, happen, rule, tickets, told

RULE = 'when event.type == "alert" then notify("sms:+14155552671"), ticket("high", "look")'
ALERT: dict[str, Any] = {"type": "alert", "labels": {"alertname": "DiskFull", "instance": "db-1"}}


def silence(*matchers: str, of: str = "default", begins: timedelta = timedelta(0), seconds: float = 3600) -> str:
    """Store a silence; returns its id."""
    with unit_of_work() as uow:
        begin = uow.now + begins
        wanted = Wanted(tuple(map(parse, matchers)), begin, begin + timedelta(seconds=seconds), "ann")
        return silences.add(uow, client(of), wanted).id


def ends(rows: Sequence[Notification]) -> set[tuple[str, str | None, str | None]]:
    return {(row.status, row.reason, row.silence_id) for row in rows}


def test_a_message_about_a_silenced_event_is_stored_with_the_reason_and_not_sent() -> None:
    rule(RULE)
    quiet = silence("alertname=DiskFull", 'instance=~"db-.*"')

    happen(ALERT)

    assert ends(told()) == {("SUPPRESSED", "silenced", quiet)}


def test_tickets_open_all_the_same() -> None:
    rule(RULE)
    silence("alertname=DiskFull")

    [event_id] = happen(ALERT)

    assert [each.title for each in tickets()] == ["look"]
    assert (event(event_id).status, event(event_id).unheard) == ("MATCHED", {})


@pytest.mark.parametrize(
    "matchers",
    [
        ("alertname=DiskFull", "instance=db-2"),
        ("alertname=~Disk",),
        ("alertname=DiskFull", "instance!=db-1"),
        ("alertname=DiskFull", 'instance!~"db-[0-9]"'),
        ("alertname=DiskFull", 'severity=~".+"'),
    ],
)
def test_an_event_that_one_matcher_does_not_match_is_told(matchers: tuple[str, ...]) -> None:
    rule(RULE)
    silence(*matchers)

    happen(ALERT)

    assert ends(told()) == {("PENDING", None, None)}


def test_a_silence_that_has_not_begun_or_is_over_keeps_nothing_back() -> None:
    rule(RULE)
    silence("alertname=DiskFull", begins=timedelta(hours=1))
    over = silence("alertname=DiskFull")
    execute("UPDATE silences SET starts_at = now() - interval '1 h', ends_at = now() WHERE id = :id", id=over)

    happen(ALERT)

    assert ends(told()) == {("PENDING", None, None)}


def test_a_broadcast_is_kept_from_the_client_whose_silence_it_is() -> None:
    rule(RULE)
    rule(RULE, of="shop")
    quiet = silence("alertname=DiskFull", of="shop")

    happen(ALERT, is_broadcast=True)

    found = {row.client_id: (row.reason, row.silence_id) for row in told()}
    assert found == {client(): (None, None), client("shop"): ("silenced", quiet)}


def test_what_is_addressed_to_a_user_is_silenced_too() -> None:
    quiet = silence("kind=digest")

    happen({"type": "note", "user_id": "u-1", "kind": "digest"}, is_addressed=True)

    assert ends(told()) == {("SUPPRESSED", "silenced", quiet)}


def test_of_several_silences_the_oldest_is_named() -> None:
    rule(RULE)
    first, _ = silence("alertname=DiskFull"), silence("instance=db-1")

    happen(ALERT)

    assert ends(told()) == {("SUPPRESSED", "silenced", first)}


def test_a_silenced_message_goes_to_no_other_target_and_holds_no_repetition_back() -> None:
    endpoint("sms", "+14155552671", name="ops", failover='[{"channel": "email", "recipient": "a@example.com"}]')
    rule('when event.type == "alert" dedupe 1h then notify("endpoint:ops")')
    quiet = silence("alertname=DiskFull")

    happen(ALERT)

    (row,) = told()
    assert (row.silence_id, row.failover, row.dedupe_key) == (quiet, None, None)


def test_the_silence_is_named_by_view_and_timeline(api: FlaskClient) -> None:
    rule(RULE)
    quiet = silence("alertname=DiskFull")
    happen(ALERT)
    (row,) = told()

    shown = api.get(f"/notifications/{row.id}").get_json()
    last = api.get(f"/notifications/{row.id}/timeline").get_json()[-1]

    assert (shown["status"], shown["reason"], shown["silence_id"]) == ("SUPPRESSED", "silenced", quiet)
    assert (last["event"], last["detail"]) == ("suppressed", {"reason": "silenced", "silence_id": quiet})


def test_a_message_that_was_accepted_before_is_not_called_back() -> None:
    rule(RULE)
    happen(ALERT)

    silence("alertname=DiskFull")

    assert ends(told()) == {("PENDING", None, None)}


def changed(silence_id: str, *matchers: str, ends_at: datetime, starts_at: datetime | None = None) -> str:
    with unit_of_work() as uow:
        wanted = Wanted(tuple(map(parse, matchers)), starts_at, ends_at, "bob", "longer")
        return silences.change(uow, silence_id, client(), wanted).id


def states() -> dict[str, str]:
    with unit_of_work() as uow:
        rows = silences.since(uow, client(), uow.now - timedelta(days=1))
        return {row.id: row.state(uow.now).value for row in rows}


def test_the_end_of_an_active_silence_can_be_changed() -> None:
    quiet = silence("a=b")

    assert changed(quiet, "a=b", ends_at=utc_now() + timedelta(days=3)) == quiet

    assert states() == {quiet: "active"}


def test_other_matchers_end_a_silence_and_make_a_new_one() -> None:
    quiet = silence("a=b")

    other = changed(quiet, "a=c", ends_at=utc_now() + timedelta(days=3))

    assert states() == {quiet: "expired", other: "active"}


def test_a_silence_that_is_over_stays_so_and_a_new_one_begins() -> None:
    quiet = silence("a=b")
    with unit_of_work() as uow:
        silences.expire(uow, quiet, client_id=client())

    other = changed(quiet, "a=b", ends_at=utc_now() + timedelta(days=3))

    assert states() == {quiet: "expired", other: "active"}


def test_a_pending_silence_can_be_moved() -> None:
    quiet = silence("a=b", begins=timedelta(hours=1))
    later = utc_now() + timedelta(hours=2)

    assert changed(quiet, "a=b", starts_at=later, ends_at=later + timedelta(hours=1)) == quiet

    with unit_of_work() as uow:
        assert silences.get(uow, quiet, client_id=None)[0].starts_at == later


def test_a_silence_that_would_keep_nearly_everything_back_is_refused() -> None:
    wanted = Wanted((Matcher("team", "x", is_equal=False),), None, utc_now() + timedelta(hours=1), "ann")

    with pytest.raises(InvalidInputError, match="would silence every event"):
        silence_checks.check(wanted, now=utc_now())


def test_a_silence_is_extended_from_its_end_and_reminds_anew() -> None:
    silence_id = silence("alertname=DiskFull")
    execute("UPDATE silences SET reminded_at = now()")

    with unit_of_work() as uow:
        before = silences.get(uow, silence_id, client_id=None)[0].ends_at
        found = silences.extend(uow, silence_id, timedelta(hours=4), client_id=None)

    assert (found.ends_at - before, found.reminded_at, found.id) == (timedelta(hours=4), None, silence_id)


def test_a_silence_that_is_over_or_would_never_end_is_not_extended() -> None:
    silence_id = silence("alertname=DiskFull")
    with pytest.raises(InvalidInputError, match="too far away"), unit_of_work() as uow:
        silences.extend(uow, silence_id, timedelta(days=40_000), client_id=None)
    execute("UPDATE silences SET starts_at = now() - interval '1 h', ends_at = now()")

    with pytest.raises(ConflictError, match="has been over since"), unit_of_work() as uow:
        silences.extend(uow, silence_id, timedelta(hours=1), client_id=None)


def test_matchers_are_read_line_by_line_and_each_bad_line_is_named() -> None:
    assert read_lines('alertname=DiskFull\n\n instance=~"db-.*" ', "matchers") == (
        Matcher("alertname", "DiskFull"),
        Matcher("instance", "db-.*", is_regex=True),
    )
    with pytest.raises(InvalidInputError) as refused:
        read_lines("alertname=DiskFull\nnonsense\na=~(", "matchers")

    assert [(each.field, each.value) for each in refused.value.errors] == [
        ("matchers", "nonsense"),
        ("matchers", "a=~("),
    ]
    assert "in line 2 is no matcher" in refused.value.errors[0].message
