"""What the person who starts the product is told."""

from __future__ import annotations

from dataclasses import replace

from confchat.announcement import Choices, announcement
from confchat.installation import NewAccount

EMBEDDED = Choices(
    tdx="var/simulator",
    is_tdx_simulated=True,
    model="smollm2:135m",
    model_host="",
    is_model_embedded=True,
    model_fault="",
)
REAL = Choices(
    tdx="configfs",
    is_tdx_simulated=False,
    model="deepseek-r1:70b",
    model_host="http://127.0.0.1:11434",
    is_model_embedded=False,
    model_fault="",
)


def told(choices: Choices, *accounts: NewAccount) -> str:
    return "\n".join(announcement("http://127.0.0.1:8000", accounts, choices))


def test_address_comes_first() -> None:
    assert told(EMBEDDED).splitlines()[1] == "ConfChat is ready: http://127.0.0.1:8000"


def test_passwords_are_shown_for_new_accounts_only() -> None:
    assert "auditor  a1b2" in told(EMBEDDED, NewAccount("auditor", "a1b2"))
    assert "assword" not in told(EMBEDDED)


def test_everything_simulated_is_named_as_such() -> None:
    simulated, _, real = told(EMBEDDED).partition("Not simulated:")
    assert "TDX platform" in simulated
    assert "thinking" in simulated
    assert "TDX platform" not in real
    assert "smollm2:135m, embedded" in real


def test_nothing_real_is_called_simulated() -> None:
    assert "Simulated here" not in told(REAL)
    assert "this machine, asked through configfs" in told(REAL)
    assert "deepseek-r1:70b, served at http://127.0.0.1:11434" in told(REAL)


def test_real_model_on_a_simulated_platform_still_warns() -> None:
    assert "do not trust it with secrets" in told(replace(REAL, is_tdx_simulated=True))


def test_model_that_cannot_answer_is_said_with_its_remedy() -> None:
    fault = "The model x is not installed. To install it: ollama pull x"
    assert f"No answers yet: {fault}" in told(replace(REAL, model_fault=fault))
