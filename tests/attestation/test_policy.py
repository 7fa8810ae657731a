"""Policies as values, as text and by name; what they accept is held in tests/cases/policies.py."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation.errors import ConfigurationError, MalformedError
from attestation.named_policies import NAMES, load_policy
from attestation.policy import Policy
from attestation.policy_text import MAX_POLICY_BYTES, parse_policy, policy_digest, policy_members
from tests.policies import write_policy

STRICT = load_policy("strict")
MEMBERS = policy_members(STRICT)


@pytest.mark.parametrize("name", NAMES)
def test_every_named_policy_is_one_and_says_its_name(name: str) -> None:
    assert load_policy(name).id == name


def test_production_counts_no_simulator() -> None:
    for name in NAMES:
        assert ("simulator" in load_policy(name).release_platforms) == (name == "development")


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_survives_its_text(name: str) -> None:
    policy = load_policy(name)
    assert parse_policy(json.dumps(policy_members(policy)).encode()) == policy


def test_the_digest_is_of_what_is_said_and_not_of_how() -> None:
    turned = dict(reversed(MEMBERS.items()))
    turned["release_measurements"] = turned["release_measurements"][::-1]
    assert policy_digest(parse_policy(json.dumps(turned, indent=3).encode())) == policy_digest(STRICT)
    assert policy_digest(STRICT).startswith("sha256:")
    digests = {policy_digest(load_policy(name)) for name in NAMES}
    assert len(digests) == len(NAMES)


@pytest.mark.parametrize("name", list(MEMBERS))
def test_nothing_has_a_default(name: str) -> None:
    lacking = {each: value for each, value in MEMBERS.items() if each != name}
    with pytest.raises(MalformedError, match=name):
        parse_policy(json.dumps(lacking).encode())


WRONG_FORM: dict[str, Any] = {
    "v": "confchat/2 policy",
    "description": "",
    "accepted_tcb_statuses": "UpToDate",
    "refused_advisories": ["INTEL-SA-1", "INTEL-SA-1"],
    "accepted_advisories": ["has space"],
    "out_of_date_grace_days": True,
    "min_tcb_evaluation_data_number": -1,
    "clock_skew_s": 1.5,
    "allowed_xfam": "E7DB060000000000",
    "service_tds": ["zz"],
    "platform_ids": "any",
}


@pytest.mark.parametrize("name", list(WRONG_FORM))
def test_what_is_of_another_form_is_refused_and_named(name: str) -> None:
    with pytest.raises(MalformedError):
        parse_policy(json.dumps({**MEMBERS, name: WRONG_FORM[name]}).encode())


CANNOT_STAND: tuple[dict[str, Any], ...] = (
    {"id": "Strict"},
    {"enforcement": "off"},
    {"gpu": "maybe"},
    {"advisory_grace_days": 1001},
    {"accepted_advisories": None, "advisory_grace_days": 1},
    {"allowed_td_attributes": "00"},
    {"allowed_td_attributes": "0000000000000000"},
    {"allowed_td_attributes": "0100001000000000"},
    {"allowed_td_attributes": "0000003000000000"},
    {"allowed_td_attributes": "0200001000000000"},
    {"mr_seams": []},
    {"mr_signer_seams": []},
    {"service_tds": ["00"]},
    {"platform_ids": []},
    {"platform_ids": ["00"]},
    {"min_release_version": "1.0"},
    {"release_platforms": []},
    {"release_platforms": ["sgx"]},
    {"release_measurements": ["mr_td", "rtmr1", "rtmr2"]},
    {"release_measurements": [*MEMBERS["release_measurements"], "rtmr4"]},
    {"max_lifetime_s": 601},
    {"clock_skew_s": 121},
)


@pytest.mark.parametrize("changes", CANNOT_STAND, ids=str)
def test_what_no_appraisal_could_honour_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        parse_policy(json.dumps({**MEMBERS, **changes}).encode())


def test_a_value_is_held_to_the_same_rules_as_its_text() -> None:
    with pytest.raises(ConfigurationError):
        replace(STRICT, max_lifetime_s=0)
    with pytest.raises(ConfigurationError):
        replace(STRICT, out_of_date_grace_days=-1)


@given(st.binary(max_size=200))
def test_noise_is_no_policy(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_policy(data)


def test_an_operators_own_policy_is_a_file(tmp_path: Path) -> None:
    policy = load_policy(write_policy(tmp_path / "own.json", enforcement="warn"))
    assert isinstance(policy, Policy)
    assert (policy.id, policy.enforcement) == ("of-a-test", "warn")


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"{}", "cannot be read"), (b" " * (MAX_POLICY_BYTES + 1), "cannot be read"), (None, "there is no policy")],
)
def test_a_file_that_holds_no_policy_is_told_apart_from_none(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "own.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=told):
        load_policy(str(path))


def test_no_file_takes_the_name_of_a_policy_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name of another"):
        load_policy(write_policy(tmp_path / "own.json", id="strict"))
