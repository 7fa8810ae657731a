"""What is said to the person who starts the product: where it is, who may log in, and what is simulated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from confchat.installation import NewAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Which parts this start uses.

    `tdx` is where the simulator is, or an interface's name; `model_fault` is a sentence where the model cannot answer,
    else empty.
    """

    tdx: str
    is_tdx_simulated: bool
    model: str
    model_host: str
    is_model_embedded: bool
    model_fault: str


def announcement(address: str, accounts: Sequence[NewAccount], choices: Choices) -> Iterator[str]:
    """Yield the lines that end a start."""
    yield ""
    yield f"ConfChat is ready: {address}"
    yield ""
    if accounts:
        yield "Accounts, with passwords that are shown only this once:"
        yield from (f"  {account.name:<8} {account.password}" for account in accounts)
        yield ""
    simulated, real = list(_simulated(choices)), list(_real(choices))
    if simulated:
        yield "Simulated here, so do not trust it with secrets:"
        yield from simulated
    yield "Not simulated:"
    yield from real
    if choices.model_fault:
        yield ""
        yield f"No answers yet: {choices.model_fault}"
        yield "Once that is mended, start ConfChat again, so that its release names the model."
    yield ""
    yield "Ctrl-C ends it."


def _simulated(choices: Choices) -> Iterator[str]:
    if choices.is_tdx_simulated:
        yield f"  TDX platform         software in {choices.tdx}; its certificates say SIMULATED"
    if choices.is_model_embedded:
        yield "  thinking             a first pass of the small embedded model"


def _real(choices: Choices) -> Iterator[str]:
    if not choices.is_tdx_simulated:
        yield f"  TDX platform         this machine, asked through {choices.tdx}"
    if choices.is_model_embedded:
        yield f"  model                {choices.model}, embedded; very small, and often wrong"
    else:
        yield f"  model                {choices.model}, served at {choices.model_host}"
    yield "  attestation service  inside this server"
