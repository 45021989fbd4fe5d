"""What `make audit` makes of pip-audit's reports, and that it never calls a blind look a clean one."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.vulnerabilities import judge, look_up

CLEAN = {"name": "flask", "version": "3.1.3", "vulns": []}
UNKNOWN = {"name": "own", "skip_reason": "Dependency not found on PyPI"}
FLAWED = {
    "name": "jinja2",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1", "3.0"]}, {"id": "PYSEC-2", "fix_versions": []}],
}


def test_a_vulnerability_stops_the_check_and_says_what_mends_it() -> None:
    finding = judge([CLEAN, FLAWED])

    assert finding.is_bad
    assert finding.lines == (
        "2 known vulnerabilities",
        "  jinja2 2.0: PYSEC-1, mended in 2.1, 3.0",
        "  jinja2 2.0: PYSEC-2, mended in no version yet",
    )


def test_what_was_not_judged_is_named() -> None:
    finding = judge([CLEAN, UNKNOWN])

    assert not finding.is_bad
    assert finding.text == (
        "no known vulnerability in 1 packages\nnot judged, because the service does not know them: own"
    )


def test_a_service_that_knows_nothing_is_no_clean_bill() -> None:
    finding = judge([UNKNOWN, UNKNOWN])

    assert not finding.is_bad
    assert finding.text.startswith("SKIPPED, nothing was compared: the service that was asked knows none")


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text(f"flask==3.1.3 --hash=sha256:{'0' * 64}\n", encoding="utf-8")
    return file


def test_without_a_network_it_is_skipped_and_says_why(lock_file: Path, tmp_path: Path) -> None:
    finding = look_up(lock_file, "-s", "osv", "--osv-url", "http://127.0.0.1:1/", "--cache-dir", str(tmp_path))

    assert not finding.is_bad
    assert finding.text.startswith("SKIPPED, nothing was compared: ")
    assert "127.0.0.1" in finding.text


def test_a_real_answer_is_read(lock_file: Path, tmp_path: Path, httpserver: HTTPServer) -> None:
    flaw = {"id": "PYSEC-9", "affected": [{"package": {"name": "flask", "ecosystem": "PyPI"}, "versions": ["3.1.3"]}]}
    httpserver.expect_request("/").respond_with_json({"vulns": [flaw]})

    finding = look_up(lock_file, "-s", "osv", "--osv-url", httpserver.url_for("/"), "--cache-dir", str(tmp_path))

    assert finding.is_bad
    assert "flask 3.1.3: PYSEC-9" in finding.text
