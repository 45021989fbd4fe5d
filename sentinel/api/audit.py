"""`/audit`: what the last look at the books has found, for operators."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from sentinel.api.answers import json_response
from sentinel.api.auth import current_caller, require_credentials
from sentinel.api.parsing import StrictBlueprint
from sentinel.api.schemas.audit import AuditQuery, AuditView
from sentinel.models import AuditRun
from sentinel.services.access.clients import ADMIN
from sentinel.services.bookkeeping import audit
from sentinel.services.unit_of_work import unit_of_work

COLUMNS = ("started_at", "finished_at", "checked", "discrepancies")

blueprint = StrictBlueprint(
    "audit", __name__, url_prefix="/audit", description="Whether the books balance; takes the scope `admin`"
)
blueprint.before_request(require_credentials)


def view(run: AuditRun, client: str | None) -> dict[str, Any]:
    """Show a run as `AuditView` has it; of one client only what was found of it."""
    shown = {name: getattr(run, name) for name in COLUMNS} | run.report
    if client is None:
        return shown
    return shown | {"found": [each for each in run.report["found"] if each["client"] == client]}


@blueprint.route("")
class Audit(MethodView):
    """The last one."""

    @blueprint.arguments(AuditQuery(), location="query")
    @blueprint.response(200, AuditView)
    @blueprint.refuses(401, 403, 404, 422, 503)
    def get(self, query: dict[str, Any]) -> Response:
        """Show what the last audit of the last two days has found. Beat asks for one every 15 minutes.

        404 until the first one has run; `sentinel audit` looks at once, and further back.
        """
        with unit_of_work() as uow:
            current_caller(uow, ADMIN)
            run = audit.last_run(uow)
        return json_response(view(run, query.get("client")))
