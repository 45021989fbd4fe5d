"""Which alerts fire, and which of them nobody hears of: by a silence, or by another alert."""

from __future__ import annotations

from typing import Any

from sentinel.rules.matchers import parse
from sentinel.services.muting import inhibitions, standing
from sentinel.services.muting.inhibitions import Written
from sentinel.services.muting.standing import Firing
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.rules import client, happen
from tests.integration.test_silences import silence


def fires(name: str, *, of: str = "default", is_broadcast: bool = False, **labels: str) -> str:
    body: dict[str, Any] = {"type": "alert", "status": "firing", "labels": {"alertname": name} | labels}
    return happen(body, of=of, is_broadcast=is_broadcast)[0]


def firing(client_id: int | None = None, **more: Any) -> Firing:
    with unit_of_work() as uow:
        return standing.firing(uow, client_id, **more)


def names(found: Firing) -> list[str]:
    return [each.word.labels["alertname"] for each in found.alerts]


def test_nothing_fires() -> None:
    assert firing() == Firing([], is_cut=False)


def test_alerts_that_fire_are_shown_the_newest_first_with_their_client() -> None:
    fires("First")
    fires("Second", of="acme")
    happen({"type": "alert", "status": "resolved", "labels": {"alertname": "Gone"}})

    found = firing()

    assert [(each.word.labels["alertname"], each.client, each.mute) for each in found.alerts] == [
        ("Second", "acme", None),
        ("First", "default", None),
    ]
    assert names(firing(client("acme"))) == ["Second"]
    assert names(firing(most=1)) == ["Second"]
    assert firing(most=1).is_cut


def test_a_silence_mutes_for_its_client_alone() -> None:
    silence_id = silence("alertname=DiskFull")
    fires("DiskFull", is_broadcast=True)

    assert [each.mute for each in firing().alerts] == [{"reason": "silenced", "silence_id": silence_id}]
    assert [each.mute for each in firing(client("acme")).alerts] == [None]
    assert firing().muted == 1


def test_an_alert_that_inhibits_is_named() -> None:
    with unit_of_work() as uow:
        written = Written("site down", (parse("alertname=SiteDown"),), (parse("severity=low"),))
        inhibitions.create(uow, client(), written)
    source = fires("SiteDown")
    fires("DiskFull", severity="low")

    mutes = {each.word.labels["alertname"]: each.mute for each in firing().alerts}

    assert mutes["SiteDown"] is None
    assert mutes["DiskFull"] is not None
    assert mutes["DiskFull"]["inhibited_by"]["event_id"] == source
    assert mutes["DiskFull"]["inhibited_by"]["inhibition"] == "site down"
