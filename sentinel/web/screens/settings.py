"""Settings as this process reads them: what holds, where it came from, and what is wrong about it."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import version
from itertools import groupby

from flask import Blueprint, current_app, request
from werkzeug.wrappers import Response

from sentinel.services.unit_of_work import unit_of_work
from sentinel.services.watching import effective_settings, provider_setup, schema
from sentinel.services.watching.effective_settings import DEFAULT, DOT_ENV, ENVIRONMENT, RUNNING_UP, Setting
from sentinel.settings import Settings
from sentinel.web.frame import page

SOURCES = [(ENVIRONMENT, ENVIRONMENT), (DOT_ENV, DOT_ENV), (RUNNING_UP, "running sentinel up"), (DEFAULT, DEFAULT)]
CHANGED = "changed"

blueprint = Blueprint("settings", __name__, url_prefix="/console/settings")


@blueprint.get("")
def index() -> Response:
    """Show every setting, who sends each channel, and what to mend."""
    # It brings Celery's questions to workers and more, and few people ever look here.
    from sentinel.services.watching import diagnosis  # noqa: PLC0415

    settings: Settings = current_app.config["SENTINEL"]
    with unit_of_work() as uow:
        current, newest = schema.revisions(uow)
    known = list(effective_settings.described(settings))
    found = [each for each in known if _is_wanted(each)]
    return page(
        "console/settings/index.html",
        settings=settings,
        versions={"sentinel": version("sentinel"), "python": platform.python_version()},
        revision=current,
        findings=[each for each in diagnosis.check_installation(settings, current, newest) if each.remedy],
        setups=list(provider_setup.setups(settings)),
        groups={group: list(members) for group, members in groupby(found, key=lambda each: each.group)},
        group_names=list(effective_settings.GROUPS.values()),
        sources=SOURCES,
        counts={"all": len(known), "shown": len(found), "changed": sum(each.is_changed for each in known)},
        time_order=settings.time_order,
    )


def _is_wanted(setting: Setting) -> bool:
    """Whether the filters of the page let a setting through."""
    words = request.args.get("q", "").lower().split()
    said = _said((setting.variable, setting.meaning, setting.value))
    return (
        all(word in said for word in words)
        and request.args.get("group", "") in ("", setting.group)
        and request.args.get("source", "") in ("", setting.source)
        and (request.args.get("only") != CHANGED or setting.is_changed)
    )


def _said(texts: Iterable[str]) -> str:
    return " ".join(texts).lower()
