"""`python -m attestation policy` and `manage.py policy`: what operators read of a policy."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from attestation.__main__ import BAD_INPUT, GREEN, main
from attestation.named_policies import NAMES, load_policy
from attestation.policy_text import parse_policy, policy_digest
from attestation.policy_words import compare, explain
from tests.policies import write_policy


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_is_the_policy(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show", name]) == GREEN
    assert parse_policy(capsys.readouterr().out.encode()) == load_policy(name)
    assert main(["policy", "check", name]) == GREEN
    assert policy_digest(load_policy(name)) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "No service machine may be bound to it."),
        ({"enforcement": "warn"}, "users may go on"),
        ({"out_of_date_grace_days": 30}, "until 30 days after its date"),
        ({"accepted_advisories": [], "advisory_grace_days": 7}, "until 7 days after its repair's date"),
        ({"accepted_advisories": ["INTEL-SA-01"]}, "no other advisories than INTEL-SA-01."),
        ({"refused_advisories": ["INTEL-SA-02"]}, "Never open to INTEL-SA-02."),
        ({"platform_ids": ["ab" * 16]}, "Only these platforms count (PPID): " + "ab" * 16),
        ({"mr_seams": ["cd" * 48]}, "Only these TDX modules count: " + "cd" * 48),
        ({"mr_signer_seams": ["ef" * 48]}, "may be signed by: " + "ef" * 48),
        ({"service_tds": ["12" * 48]}, "These service machines may be bound to it: " + "12" * 48),
        ({"release_measurements": ["mr_td", "rtmr1", "rtmr2", "rtmr3"]}, "all but mr_seam, rtmr0"),
        ({"verifiers": []}, "No attestation service is asked."),
        ({"verifiers": ["embedded", "alibaba"]}, "alibaba and embedded: each of them must affirm."),
        ({"verifiers": ["embedded", "alibaba"], "quorum": "any"}, "one of them must affirm."),
        ({"accepted_tcb_statuses": []}, "nothing that exists"),
    ],
)
def test_every_choice_is_explained(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    policy = load_policy(write_policy(tmp_path / "own.json", **changes))
    assert said in "\n".join(explain(policy))


def test_a_comparison_names_what_changes_and_nothing_else(tmp_path: Path) -> None:
    own = load_policy(write_policy(tmp_path / "own.json", id="development-2", platform_ids=["ab" * 16]))
    assert list(compare(load_policy("development"), own)) == [
        "id: development → development-2",
        f"platform_ids: any → {'ab' * 16}",
    ]
    assert list(compare(own, own)) == []


def test_what_is_no_policy_is_said_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check", str(tmp_path / "none.json")]) == BAD_INPUT
    assert "there is no policy" in capsys.readouterr().err
    with pytest.raises(CommandError, match="there is no policy"):
        call_command("policy", "check", str(tmp_path / "none.json"))


def test_the_policy_in_force_is_the_one_that_is_meant(settings: Any, tmp_path: Path) -> None:
    settings.CONFCHAT_POLICY = write_policy(tmp_path / "own.json", description="For the tests alone.")
    told = StringIO()
    call_command("policy", "explain", stdout=told)
    assert "of-a-test: For the tests alone." in told.getvalue()
    told = StringIO()
    call_command("policy", "compare", "strict", stdout=told)
    assert "min_tcb_evaluation_data_number: 18 → 19" in told.getvalue()
