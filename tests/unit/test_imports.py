"""What each process loads: memory of the whole installation, and the time of its start, are mostly modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from sentinel.imports import hidden

NOBODY = {"rich", "pygments", "prompt_toolkit", "click_repl", "yaml", "cffi", "pycparser", "sendgrid", "alembic"}
NOBODY |= {"greenlet"}
NOBODY |= {"opentelemetry"}  # unless traces are on
"""What libraries would import because it is there."""
LATER = {"cloudevents", "apprise", "requests"}
"""What the first request or message that needs it imports."""
SENDING = {"aiohttp"}
ADDRESSES = {"phonenumbers", "email_validator"}
WEB = {"flask", "werkzeug", "marshmallow", "flask_smorest", "prometheus_client"}
RULES = {"jinja2", "lark", "re2"}
DATABASE = {"sqlalchemy", "psycopg2"}
FLOWER = {"flower", "tornado"}
STREAMS = {"confluent_kafka", "google"}
SEALING = {"cryptography.fernet", "cryptography.hazmat"}

WORKER = "celery_programs.worker(celery_programs.find_app('tasks'), options('{queues}'))"
KNOWING = "celery_programs.{program}(celery_programs.find_app('sentinel.broker:celery'), options(''))"
INGEST = "from click.testing import CliRunner; from sentinel.cli import cli; CliRunner().invoke(cli, ['ingest', {}])"
"""As far as the settings that are refused: everything is loaded by then."""
PROCESSES = {
    "api": ("from sentinel import serving; serving.application()", SENDING | FLOWER | SEALING),
    "pipeline worker": (
        WORKER.format(queues="pipeline,receipts,maintenance,inbox,inbox.retry"),
        WEB | FLOWER | SEALING | SENDING,
    ),
    "channel worker": (WORKER.format(queues="sms,sms.retry"), WEB | FLOWER | RULES | ADDRESSES | SEALING | SENDING),
    "ingest redis": (
        INGEST.format("'redis', '--stream', 's', '--client', 'c', '--url', 'no:address'"),
        WEB | FLOWER | RULES | ADDRESSES | SENDING | STREAMS,
    ),
    "ingest kafka": (
        INGEST.format("'kafka', '--brokers', 'b', '--topic', 't', '--client', 'c', '--set', 'no.such=1'"),
        WEB | FLOWER | RULES | ADDRESSES | SENDING | {"google"},
    ),
    "beat": (KNOWING.format(program="beat"), WEB | FLOWER | RULES | ADDRESSES | SENDING | DATABASE | STREAMS | SEALING),
    "flower": (
        KNOWING.format(program="flower"),
        (WEB - {"prometheus_client"}) | RULES | ADDRESSES | SENDING | DATABASE,
    ),
    "list of commands": (
        "from click.testing import CliRunner; from sentinel.cli import cli; CliRunner().invoke(cli, ['--help'])",
        SENDING | ADDRESSES | WEB | RULES | {"celery", "sqlalchemy", "cryptography"},
    ),
    "supervisor": (
        "import sentinel.embedded.system, sentinel.embedded.postgres, sentinel.embedded.valkey",
        SENDING | ADDRESSES | WEB | RULES | {"celery", "sqlalchemy", "pydantic", "click", "cryptography"},
    ),
}

PRELUDE = """
import json, sys
from argparse import Namespace
if {is_celery}:
    from sentinel import celery_programs
def options(queues):
    return Namespace(node="x", queues=queues, pool="threads", concurrency=1, loglevel="INFO", schedule="x", options=[])
{code}
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_loads_nothing_that_it_does_not_need(process: str) -> None:
    code, unwanted = PROCESSES[process]

    loaded = modules_after(code)

    assert loaded & (unwanted | NOBODY | LATER) == set()


@pytest.mark.parametrize("process", ["api", "pipeline worker", "channel worker"])
def test_what_records_traces_is_loaded_at_the_start_where_they_are_wanted(process: str) -> None:
    code, _ = PROCESSES[process]

    assert "opentelemetry.sdk.trace" in modules_after(code, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")


TWILIO = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "t", "TWILIO_FROM_NUMBER": "+15005550006"}
SMTP = {"SENTINEL_EMAIL_PROVIDER": "smtp", "SMTP_HOST": "127.0.0.1", "SMTP_FROM_EMAIL": "a@example.com"}


@pytest.mark.parametrize(
    ("queues", "variables", "provider", "client"),
    [
        ("sms,sms.retry", TWILIO, "sms_twilio", SENDING),
        ("email,email.retry", SMTP, "email_smtp", set()),
        ("email,email.retry", TWILIO, "sandbox", set()),
        ("webhook.retry", {"SENTINEL_WEBHOOK_PROVIDER": "webhook"}, "webhook", SENDING),
    ],
)
def test_a_worker_loads_at_its_start_what_its_providers_send_with_and_no_more(
    queues: str, variables: dict[str, str], provider: str, client: set[str]
) -> None:
    loaded = modules_after(WORKER.format(queues=queues), **variables)

    assert f"sentinel.channels.{provider}" in loaded
    assert loaded & SENDING == client


def test_a_worker_starts_though_a_provider_of_its_channel_is_set_up_by_half() -> None:
    half = {"SENTINEL_SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": "AC1"}

    loaded = modules_after(WORKER.format(queues="sms,sms.retry"), **half)

    assert "sentinel.channels.sms_twilio" not in loaded


def modules_after(code: str, **variables: str) -> set[str]:
    """Modules of a process that has run `code`."""
    program = PRELUDE.format(code=code, is_celery="celery_programs" in code)
    urls = {"DATABASE_URL": "postgresql://127.0.0.1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | urls | variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_hidden_module_cannot_be_imported_and_is_there_again_afterwards() -> None:
    with hidden("json", "antigravity"), pytest.raises(ImportError):
        __import__("json")

    assert __import__("json") is json
    assert "antigravity" not in sys.modules


def test_what_was_loaded_is_no_more_looked_through_for_garbage() -> None:
    code = "import gc\nfrom sentinel.imports import loading\nwith loading():\n    import decimal\n"

    program = f"{code}print(gc.isenabled(), gc.get_freeze_count() > 1000)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.split() == ["True", "True"]
