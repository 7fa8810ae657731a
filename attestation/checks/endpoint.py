"""Does the model answer inside the machine that the quote speaks of? `model.endpoint`."""

from __future__ import annotations

from attestation.examination import Examination, UncheckedError, given
from attestation.statement import INSIDE


def check_endpoint(subject: Examination) -> None:
    """`model.endpoint`: left out where the model answers inside the machine; of any other place nothing is known.

    It never passes: nobody attests what reads the prompts elsewhere, so such a machine is never affirmed.
    """
    if given("what the machine says", lambda: subject.statement).model_endpoint != INSIDE:
        raise UncheckedError(
            "the model runs outside of this machine, where prompts are read and nobody attests by what"
        )
