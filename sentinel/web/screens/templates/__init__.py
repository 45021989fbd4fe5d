"""Templates: how messages are worded, written beside what comes of it."""

from __future__ import annotations

from flask import Blueprint

from sentinel.web.screens.templates import editing, listing, previewing

blueprint = Blueprint("templates", __name__, url_prefix="/console/templates")

blueprint.get("")(listing.index)
blueprint.get("/new")(editing.new)
blueprint.post("")(editing.create)
blueprint.post("/preview")(editing.preview)
blueprint.post("/preview/mail")(previewing.mail)
blueprint.get("/<int:template_id>")(editing.show)
blueprint.post("/<int:template_id>")(editing.change)
blueprint.post("/<int:template_id>/delete")(editing.delete)
