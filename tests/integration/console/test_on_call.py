"""The page of who is on call: now, next, who stands in, and what the policies do."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import MultiDict

from tests.integration.calls import execute
from tests.integration.calls import stored as rows_of
from tests.integration.console.conftest import AsRole
from tests.integration.console.on_call_story import PLANT, SHOP, people
from tests.integration.console.visiting import Visit, actions

STAND_IN = {"rotation": f"{SHOP}/primary", "member": "ann", "ends_at": "8h"}


def form(changes: dict[str, str] | None = None) -> MultiDict[str, str]:
    """The form of who stands in, with other values in some fields."""
    return MultiDict(STAND_IN | (changes or {}))


def test_without_rotations_and_policies_the_page_says_so(visit: Visit) -> None:
    shown = visit.get("/console/on-call").text

    assert "No rotation" in shown
    assert "No escalation policy" in shown
    assert "Let somebody stand in" not in shown


def test_who_is_on_call_who_is_next_and_who_is_not_there(visit: Visit) -> None:
    people()

    shown = visit.get("/console/on-call").text

    assert "every day at 09:00, UTC" in shown
    assert "No enabled endpoint is called 雅子" in shown or "Nobody is behind 雅子" in shown
    assert 'role="img" aria-label="The week of primary: ' in shown
    assert "chidi" in shown
    assert "said by alice" in shown
    assert PLANT not in visit.get("/console/on-call", client=SHOP).text.partition("</datalist>")[2]
    assert "There is no client nobody." in visit.get("/console/on-call", client="nobody").text


def test_policies_are_said_in_words_with_whom_they_mean_now(visit: Visit) -> None:
    people()

    shown = visit.get("/console/on-call").text

    assert "(on call of primary) by" in shown
    assert "after 5 min" in shown
    assert "bob by sms" in shown
    assert "Gone through 2 more times, 5 min after the last step." in shown
    assert "Who acknowledges has 1 h to resolve it." in shown
    assert "Gone through once." in shown


def test_somebody_stands_in_and_it_is_taken_back(as_role: AsRole) -> None:
    people()
    operator = as_role("operator")

    shown = operator.follow(operator.send("/console/on-call/overrides", form())).text

    assert "ann stands in on primary." in shown
    assert "said by operator-alice" in shown
    path = shown.partition("/console/on-call/overrides/")[2].partition("/remove")[0]
    assert path.isdigit()
    taken_back = [
        operator.follow(operator.send(f"/console/on-call/overrides/{path}/remove", rotation=f"{SHOP}/primary")).text
        for _ in range(2)
    ]
    assert "Taken back" in taken_back[0]
    assert "Nothing was done: rotation primary has no override" in taken_back[1]
    assert [each[1:] for each in actions()] == [
        ("rotation.override", "rotation primary", SHOP),
        ("rotation.override_remove", "rotation primary", SHOP),
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"member": "nobody"}, "is no endpoint of this client"),
        ({"ends_at": "sometime"}, "is no time"),
        ({"ends_at": ""}, "is missing"),
        ({"ends_at": "2001-01-01"}, "is over before it begins"),
        ({"starts_at": "x"}, "is no time"),
        ({"rotation": "nobody/primary"}, "is no rotation"),
        ({"rotation": f"{SHOP}/other"}, "is no rotation"),
        ({"rotation": ""}, "is no rotation"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(wrong: dict[str, str], says: str, visit: Visit) -> None:
    people()
    before = rows_of("rotation_overrides")

    answer = visit.send("/console/on-call/overrides", form(wrong))

    assert answer.status_code == 422
    assert says in answer.text
    assert f'value="{wrong.get("member", "ann")}"' in answer.text
    assert (rows_of("rotation_overrides"), actions()) == (before, [])


def test_a_zone_that_is_none_any_more_is_said_and_the_rest_is_shown(visit: Visit) -> None:
    people()
    execute("UPDATE rotations SET zone = 'Mars/Olympus' WHERE name = 'primary'")

    shown = visit.get("/console/on-call/rosters").text

    assert "The time zone Mars/Olympus is none any more" in shown
    assert "nachtschicht.sued" in shown


def test_a_viewer_has_no_form(as_role: AsRole) -> None:
    people()
    viewer = as_role("viewer")

    assert 'method="post"' not in viewer.get("/console/on-call").text.partition("<main")[2]
    assert viewer.send("/console/on-call/overrides", form()).status_code == 403


def test_who_looks_at_one_client_still_does_after_somebody_stands_in(visit: Visit) -> None:
    people()
    of_shop = f"/console/on-call?client={SHOP}"

    page = visit.get("/console/on-call", client=SHOP).text
    sent = visit.send("/console/on-call/overrides", form(), next=of_shop)

    assert f'name="next" value="{of_shop}"' in page
    assert (sent.status_code, sent.headers["Location"]) == (303, of_shop)
