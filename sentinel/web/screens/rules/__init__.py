"""Rules: found, written with an editor that knows the language, tried on events, and what was done to them."""

from __future__ import annotations

from flask import Blueprint

from sentinel.web.screens.rules import changes, editor, lists, packs, past, trials

blueprint = Blueprint("rules", __name__, url_prefix="/console/rules")

blueprint.get("")(lists.index)
blueprint.get("/<int:rule_id>")(lists.show)

blueprint.get("/new")(editor.new)
blueprint.get("/<int:rule_id>/edit")(editor.edit)
blueprint.post("/new")(changes.create)
blueprint.post("/<int:rule_id>/edit")(changes.save)
blueprint.post("/<int:rule_id>/switch")(changes.switch)
blueprint.post("/<int:rule_id>/delete")(changes.delete)
blueprint.post("/<int:rule_id>/restore")(changes.restore)

blueprint.post("/check")(trials.check)
blueprint.post("/complete")(trials.complete)
blueprint.post("/write-out")(trials.write_out)
blueprint.post("/try")(trials.try_out)
blueprint.post("/replay")(trials.replay)

blueprint.get("/<int:rule_id>/history")(past.history)
blueprint.get("/packs")(packs.shipped)
blueprint.post("/packs/<string:pack>")(packs.take_over)
