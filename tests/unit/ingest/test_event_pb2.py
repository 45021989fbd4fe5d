"""The generated Protobuf module against event.proto."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROTO = "sentinel/ingest/event.proto"


@pytest.mark.parametrize("generated", ["event_pb2.py", "event_pb2.pyi"])
def test_the_generated_module_is_what_protoc_makes_of_the_schema(generated: str, tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="needs protoc: install grpcio-tools")
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        "-I",
        ".",
        f"--python_out={tmp_path}",
        f"--pyi_out={tmp_path}",
    ]

    subprocess.run([*command, PROTO], cwd=ROOT, check=True, timeout=60)

    folder = Path(PROTO).parent
    assert (ROOT / folder / generated).read_text() == (tmp_path / folder / generated).read_text(), (
        f"run: python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. {PROTO}"
    )
