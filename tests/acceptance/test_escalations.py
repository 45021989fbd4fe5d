"""A ticket through real workers: a rule opens it, the first step is told, the link stops the second."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sentinel.stand_ins import ProviderProcess
from tests.conftest import Configure
from tests.integration.conftest import live_settings
from tests.system import System, eventually, running_system

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("events")]

BASE = "https://sentinel.example.com"
FIRST, SECOND = "+14155552671", "+14155552672"
POLICY = {
    "name": "primary",
    "steps": [{"notify": [f"sms:{FIRST}"]}, {"wait_seconds": 60, "notify": [f"sms:{SECOND}"]}],
}
RULES = {
    "offline": 'when type == "offline" then ticket("critical", "{id} is offline", merge="id", policy="primary")',
    "online": 'when type == "online" then resolve(merge="id")',
}


def call(system: System, method: str, path: str, body: Any = None) -> Any:
    response = system.http.request(method, f"{system.url}{path}", json=body, timeout=30)
    assert response.ok, response.text
    return response.json()


def test_the_link_in_the_first_message_stops_the_second(database: Configure, tmp_path: Path) -> None:
    with (
        ProviderProcess(tmp_path / "ledger.jsonl") as ledger,
        running_system(tmp_path, **live_settings(ledger.url), PUBLIC_BASE_URL=BASE) as system,
    ):
        system.start_everything()
        call(system, "POST", "/escalation-policies", POLICY)
        for name, rule in RULES.items():
            call(system, "POST", "/rules", {"name": name, "rule": rule})
        call(system, "POST", "/events", {"type": "offline", "id": "dev-1"})

        eventually(lambda: len(ledger.entries) == 1, seconds=60, message="the first step")
        (first,) = ledger.entries
        link = re.search(rf"{BASE}(/t/[\w-]{{24}})", first.text)
        assert (first.recipient, link is not None) == (FIRST, True)
        page = system.http.post(f"{system.url}{link and link[1]}", data={"action": "acknowledge"}, timeout=30)
        assert f"acknowledged by sms:{FIRST}" in page.text

        (ticket,) = call(system, "GET", "/tickets")
        assert (ticket["status"], ticket["escalation"]["state"]) == ("acknowledged", "acknowledged")
        call(system, "POST", "/events", {"type": "online", "id": "dev-1"})
        eventually(lambda: len(ledger.entries) == 2, seconds=60, message="the end to be told")

        assert {entry.recipient for entry in ledger.entries} == {FIRST}
        assert ledger.entries[-1].text.startswith("RESOLVED [CRITICAL] dev-1 is offline")
        story = [each["event"] for each in call(system, "GET", f"/tickets/{ticket['id']}/timeline")]
        assert story == ["opened", "escalation_began", "step_told", "acknowledged", "resolved", "end_told"]
