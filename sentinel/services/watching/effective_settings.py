"""Every setting as it holds in this process: its value without secrets, where it came from, what it means."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson
from pydantic import AliasChoices, BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource

from sentinel.channels.masking import masked_target
from sentinel.settings import Settings

STARS = "********"
ENVIRONMENT, DOT_ENV, RUNNING_UP, DEFAULT = "environment", ".env", "running `sentinel up`", "default"

GROUPS = {
    "SENTINEL_ENV": "General",
    "SENTINEL_API_HOST": "API and Flower",
    "SENTINEL_BATCH_SIZE": "Pipeline",
    "SENTINEL_LOAD_TESTS": "Load tests",
    "SENTINEL_MAX_RULES": "Rules",
    "SENTINEL_SMS_PROVIDER": "Delivery",
    "TWILIO_ACCOUNT_SID": "Providers",
}
"""What settings are about, by the first of each group: they stand in the order of the reference."""

UNITS = {"_SECONDS": "s", "_BYTES": "bytes", "_DAYS": "days"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable as it stands; secrets are masked already. `unit`: of its number, where it has one."""

    variable: str
    value: str
    source: str
    meaning: str
    group: str
    default: str
    unit: str
    is_changed: bool


def described(settings: Settings) -> Iterator[Setting]:
    """Every setting in the order of the reference."""
    origins = sources(settings.state_dir)
    group = ""
    for name, field in Settings.model_fields.items():
        variable = variable_of(name, field)
        group = GROUPS.get(variable, group)
        value, usual = getattr(settings, name), field.get_default()
        yield Setting(
            variable,
            value=written(name, value),
            source=next((title for title, names in origins.items() if variable in names), DEFAULT),
            meaning=meaning_of(field),
            group=group,
            default=written(name, usual),
            unit=next((unit for ending, unit in UNITS.items() if variable.endswith(ending)), ""),
            is_changed=value != usual,
        )


def sources(state_dir: Path) -> dict[str, frozenset[str]]:
    """The variables each source sets; the first that has one wins, as in `sentinel.settings.load_settings`."""
    given: dict[str, Mapping[str, Any]] = {
        ENVIRONMENT: os.environ,
        DOT_ENV: DotEnvSettingsSource(Settings, env_file=".env").env_vars,
        RUNNING_UP: DotEnvSettingsSource(Settings, env_file=state_dir / "sentinel.env").env_vars,
    }
    return {title: frozenset(name.upper() for name in names) for title, names in given.items()}


def variable_of(name: str, field: FieldInfo) -> str:
    """The environment variable behind a field."""
    if isinstance(field.validation_alias, AliasChoices):
        return str(field.validation_alias.choices[0])
    return f"SENTINEL_{name.upper()}"


def meaning_of(field: FieldInfo) -> str:
    """What the field is for, and the values it knows if they are few."""
    words = [field.description] if field.description else []
    choices = choices_of(field.annotation)
    return "; ".join([*words, f"one of {', '.join(choices)}"] if choices else words)


def choices_of(annotation: Any) -> tuple[str, ...]:
    """The words a field is limited to."""
    return tuple(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ()


def written(name: str, value: Any) -> str:
    """Write a value as its variable would have it, without secrets."""
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return url_without_password(secret) if name.endswith("_url") else secret and STARS
    if value is None:
        return ""
    if name.endswith("_url"):
        return url_without_password(str(value))
    if name == "limits":
        return orjson.dumps(value, default=_as_data).decode()
    if isinstance(value, tuple):
        return ",".join(map(masked_target if name == "operator_targets" else str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def url_without_password(url: str) -> str:
    """Keep what tells servers apart; hide the password, wherever the URL carries it."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        has_password = parts.password is not None
    except ValueError:
        return STARS
    if not parts.scheme or not parts.netloc:
        return STARS  # whatever this is, it is no URL that could be taken apart safely
    host = parts.netloc.rpartition("@")[2]
    login = f"{parts.username or ''}:{STARS}@" if has_password else parts.netloc[: -len(host)]
    query = [(name, STARS if "password" in name.lower() else value) for name, value in parse_qsl(parts.query)]
    return urlunsplit((parts.scheme, login + host, parts.path, urlencode(query, safe="*/"), ""))


def _as_data(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_none=True)
    raise TypeError(type(value).__name__)
