"""Rules that are shipped: shown, and taken over to be edited."""

from __future__ import annotations

from flask import flash, request
from werkzeug.wrappers import Response

from sentinel.errors import NotFoundError
from sentinel.models.client import DEFAULT_CLIENT
from sentinel.rules.packs import PACKS, load_pack
from sentinel.services.ruling import rules
from sentinel.services.unit_of_work import unit_of_work
from sentinel.web.access import acts, caller_for, note_action
from sentinel.web.chosen_client import client_names
from sentinel.web.forms import text
from sentinel.web.frame import page, see_other
from sentinel.web.screens.rules import texts


def shipped() -> Response:
    """Show each pack, and which of its rules a client has."""
    client = request.args.get("client", "").strip() or DEFAULT_CLIENT
    packs = {name: load_pack(name) for name in PACKS}
    with unit_of_work() as uow:
        try:
            client_id = caller_for(uow, client).client_id
        except NotFoundError:
            client_id = None
        names = [each.name for pack in packs.values() for each in pack]
        there = rules.named(uow, client_id, names) if client_id is not None else {}
        return page(
            "console/rules/packs.html",
            packs=packs,
            there=there,
            client=client,
            is_known=client_id is not None,
            clients=client_names(uow),
            lines=texts.lines,
        )


@acts("admin")
def take_over(pack: str) -> Response:
    """Copy a pack's rules into those of a client; names that are there stay as they are."""
    client = text("client") or DEFAULT_CLIENT
    with unit_of_work() as uow:
        made, kept = rules.install(uow, caller_for(uow, client), pack)
        note_action(uow, "rule_pack.install", f"rule pack {pack}", client=client, made=len(made), kept=len(kept))
        count = len(made)
    there = f" {len(kept)} of these names were there already, and stay as they are." if kept else ""
    flash(f"{count} {'rule is' if count == 1 else 'rules are'} new for {client}.{there}")
    return see_other("console.rules.index", client=client)
