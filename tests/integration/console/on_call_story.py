"""A night of two clients, as the pages of tickets, silences and people on call show it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sentinel.models.ticket import TicketStatus
from sentinel.rules.matchers import parse
from sentinel.schedules.lines import read_lines
from sentinel.schedules.rotation import Override
from sentinel.services import tickets
from sentinel.services.escalating import policies, rotations
from sentinel.services.escalating.policies import Step
from sentinel.services.muting import inhibitions, silences
from sentinel.services.muting.silence_checks import Manners, Wanted
from sentinel.services.tickets import By
from sentinel.services.unit_of_work import unit_of_work
from tests.integration.calls import execute
from tests.integration.escalating import sweep_until_quiet
from tests.integration.rules import client, endpoint, happen, rule
from tests.integration.rules import tickets as all_tickets

SHOP, PLANT = "shop", "werk-süd"
OPEN = 'when type == "offline" then ticket(severity, "{message}", merge="device_id")'
MAINTENANCE = (
    "Wartung der Halle Süd: alle Förderbänder werden nacheinander angehalten und neu justiert; "
    "Ansprechpartner ist die Schichtleitung."
)
TELL = 'when type == "alert" then notify("email:oncall@example.com")'


def happened(of: str, severity: str, device: str, message: str, **more: Any) -> None:
    """An event that opens a ticket of its severity."""
    body = {"type": "offline", "source": "probe", "name": "unreachable", "device_id": device, "message": message}
    happen(body | {"severity": severity} | more, of=of)


def people() -> None:
    """Who is told, in turns and step by step; one of them has lost her endpoint."""
    for of, names in ((SHOP, ("ann", "bob", "chidi")), (PLANT, ("Jürgen", "雅子", "eve"))):
        for number, name in enumerate(names):
            endpoint("sms" if number % 2 else "email", _address(number), name=name, of=of)
    _rotation(SHOP, "primary", ("ann", "bob", "chidi"), shift_days=1)
    _rotation(PLANT, "nachtschicht.sued", ("Jürgen", "雅子"), shift_days=2, zone="Europe/Berlin", handover=1320)
    with unit_of_work() as uow:
        chidi = Override("chidi", uow.now + timedelta(hours=20), uow.now + timedelta(hours=44))
        rotations.override(uow, client(SHOP), "primary", chidi, by="alice")
    execute("UPDATE endpoints SET is_enabled = false WHERE name = '雅子'")
    steps = (Step(0, ("rotation:primary",)), Step(300, ("endpoint:bob", "slack:#ops")), Step(600, ("endpoint:chidi",)))
    _policy(SHOP, "primary", *steps, repeat=2, acknowledge_timeout_seconds=3600, default_for=("critical", "high"))
    _policy(
        PLANT,
        "nacht",
        Step(900, ("rotation:nachtschicht.sued",)),
        Step(1800, ("endpoint:eve",)),
        default_for=("critical",),
    )


def night() -> None:
    """Tickets in each column, of each severity, told and taken."""
    people()
    for of in (SHOP, PLANT):
        for severity in ("critical", "high", "medium", "low"):
            text = OPEN.replace("severity", f'"{severity}"', 1)
            rule(text.replace('"offline"', f'"offline" and severity == "{severity}"', 1), f"offline, {severity}", of=of)
    happened(
        SHOP,
        "critical",
        "db-primary-1",
        "Database db-primary-1 does not answer: replication has stopped on both followers",
    )
    for number in range(12):
        happened(
            SHOP, "high", "checkout-7", "checkout-7 answers every third request with 502", event_id=f"502-{number}"
        )
    happened(SHOP, "medium", "cache-2", "cache-2 has evicted 40 % of its keys within ten minutes")
    happened(
        PLANT,
        "critical",
        "Förderband 3 / Halle Süd",
        "Förderband 3 steht: Lichtschranke meldet dauerhaft belegt, Not-Halt ist nicht gedrückt",
    )
    happened(PLANT, "low", "センサー-12", "センサー 12 の温度が 10 分間報告されていません")
    happened(SHOP, "high", "mail-1", "mail-1: the queue has grown to 12,400 messages")
    happened(SHOP, "low", "backup-3", "backup-3 finished two hours late")
    sweep_until_quiet()
    _move("mail-1", TicketStatus.ACKNOWLEDGED, By("bob", "link"))
    _move(
        "backup-3",
        TicketStatus.RESOLVED,
        By("chidi", "console", "The night's run was larger; the next one is in time."),
    )
    execute("UPDATE tickets SET created_at = created_at - interval '47 min' WHERE device_id = 'mail-1'")
    execute("UPDATE tickets SET created_at = created_at - interval '12 min' WHERE device_id = 'checkout-7'")


def quiet() -> None:
    """Silences of each state, and alerts of which some are muted."""
    endpoint("email", "ops@example.com", name="ops", of=SHOP)
    rule(TELL, "tell", of=SHOP)
    silence(
        'alertname="DiskFull"',
        'instance=~"db-.*"',
        comment="New disks are being fitted; back by noon",
        ends_when_resolved=True,
    )
    silence(
        "service=checkout",
        hours=24 * 7,
        comment="Load tests every night",
        windows="monday:friday 03:00-04:00",
        remind="ops",
        remind_before_seconds=3600,
    )
    silence(
        'source="probe"',
        'device_id=~"Förderband .*"',
        of=PLANT,
        hours=12,
        starts=30,
        comment=MAINTENANCE,
    )
    over = silence("severity=low", comment="Too much noise on Friday")
    execute(
        "UPDATE silences SET starts_at = now() - interval '3 h', ends_at = now() - interval '1 h' WHERE id = :id",
        id=over,
    )
    with unit_of_work() as uow:
        sources, targets = (parse("alertname=DatacenterDown"),), (parse("severity=medium"),)
        inhibitions.create(uow, client(SHOP), inhibitions.Written("datacentre", sources, targets, ("site",)))
    fires("DatacenterDown", "critical", site="fra-1", instance="edge-1.fra")
    fires("DiskFull", "high", site="fra-1", instance="db-2.fra.example.com", mountpoint="/var/lib/postgresql")
    fires("LatencyHigh", "medium", site="fra-1", service="catalogue", quantile="0.99")
    fires("CertificateExpiresSoon", "low", site="ams-2", instance="shop.example.com:443")


def fires(name: str, severity: str, **labels: str) -> None:
    """An alert of the shop that fires."""
    labels = {"alertname": name, "severity": severity} | labels
    happen(
        {"type": "alert", "status": "firing", "severity": severity, "source": "prometheus", "labels": labels}, of=SHOP
    )


def silence(
    *matchers: str,
    of: str = SHOP,
    hours: int = 4,
    starts: int = 0,
    comment: str = "",
    windows: str = "",
    **manners: Any,
) -> str:
    """Store a silence; returns its id."""
    with unit_of_work() as uow:
        begin = uow.now + timedelta(hours=starts)
        times = read_lines(list(filter(None, [windows])), "Europe/Berlin", field="windows")
        wanted = Wanted(
            tuple(map(parse, matchers)),
            begin,
            begin + timedelta(hours=hours),
            "alice",
            comment,
            Manners(times, **manners),
        )
        return silences.add(uow, client(of), wanted).id


def _address(number: int) -> str:
    return "+1415555267" + str(number) if number % 2 else f"on-call-{number}@example.com"


def _rotation(
    of: str, name: str, members: tuple[str, ...], *, shift_days: int, zone: str = "UTC", handover: int = 540
) -> None:
    with unit_of_work() as uow:
        rotations.create(
            uow, client(of), rotations.Written(name, members, zone, date(2026, 1, 5), handover, shift_days)
        )


def _policy(of: str, name: str, *steps: Step, **more: Any) -> None:
    with unit_of_work() as uow:
        policies.put(uow, client(of), policies.Written(name, steps, **more))


def _move(device: str, status: TicketStatus, by: By) -> None:
    with unit_of_work() as uow:
        tickets.move(uow, ticket_of(device), status, client_id=None, by=by)


def ticket_of(device: str) -> int:
    """The id of a device's ticket."""
    (found,) = [each.id for each in all_tickets() if each.device_id == device]
    return found
