"""A record of an encrypted model is of one form, and anything else is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attestation.errors import ConfigurationError
from confchat.model_records import read_record, read_records
from tests.confchat.unlock_scene import members_of


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "sam"),
        ("source", "relative"),
        ("mount", "/run/../etc"),
        ("owner_key", "short"),
        ("key", "http://elsewhere/"),
        ("opening", "somehow"),
        ("engine", "vllm"),
        ("variables", {"A B": "c"}),
        ("variables", {"A": 1}),
        ("variables", {"A": "c" * 1025}),
        ("variables", {f"A{number}": "c" for number in range(33)}),
        ("variables", ["A"]),
        ("manifest", "sha256:short"),
        ("manifest", "0" * 64),
        ("manifest", 1),
        ("broker", {"url": "http://broker.example"}),
        ("more", 1),
    ],
)
def test_a_record_of_another_form_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    engine = ["vllm", "serve", "{mount}"]
    members = members_of("https://b.example", Path("/srv/m"), Path("/run/m"), engine=engine)
    path = tmp_path / "m.json"
    path.write_text(json.dumps(members))
    assert read_record(path).command == ["vllm", "serve", "/run/m"]
    assert [record.name for record in read_records(tmp_path)] == ["m"]
    path.write_text(json.dumps({**members, name: value}))
    with pytest.raises(ConfigurationError, match=r"m\.json"):
        read_record(path)
