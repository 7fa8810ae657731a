"""What a watch finds, in sentences for operators: when it begins, and when it is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from attestation.words import gettext_noop


class FindingWords(NamedTuple):
    """`begun` is filled with a finding's facts; `ended` needs none but those."""

    begun: str
    ended: str


FINDING_WORDS: dict[str, FindingWords] = {
    "outcome": FindingWords(
        gettext_noop("This deployment is not affirmed: {check} ({code}), outcome {outcome}. Badges are not green."),
        gettext_noop("This deployment no longer fails {check} ({code})."),
    ),
    "advisory": FindingWords(
        gettext_noop("Intel's advisory {advisory} applies to this platform (status {status})."),
        gettext_noop("Intel's advisory {advisory} no longer applies to this platform."),
    ),
    "collateral_expired": FindingWords(
        gettext_noop("Intel's lists for this platform ended at {until}: nothing is affirmed until newer ones come."),
        gettext_noop("Intel's lists for this platform are in date again."),
    ),
    "collateral_expiring": FindingWords(
        gettext_noop("Intel's lists for this platform end at {until} and newer ones do not come."),
        gettext_noop("Intel's lists for this platform are fresh again."),
    ),
    "collateral_stale": FindingWords(
        gettext_noop("Intel's lists for this platform could not be refreshed for {hours} hours; they end at {until}."),
        gettext_noop("Intel's lists for this platform are refreshed again."),
    ),
    "release_expiring": FindingWords(
        gettext_noop("Reference release {release} ends at {until}: publish a newer one before that."),
        gettext_noop("Reference release {release} is no longer the one that is about to end."),
    ),
    "verifier": FindingWords(
        gettext_noop("The attestation service {verifier} fails: {code}."),
        gettext_noop("The attestation service {verifier} answers again."),
    ),
    "unreachable": FindingWords(
        gettext_noop("The server gives no evidence ({reason}): no conversation can begin."),
        gettext_noop("The server gives evidence again."),
    ),
}


def sentence(kind: str, facts: Mapping[str, str], *, ended: bool, translate: Callable[[str], str] = str) -> str:
    """Return the sentence of a finding; `translate` turns the template into a reader's language."""
    words = FINDING_WORDS[kind]
    return translate(words.ended if ended else words.begun).format_map(facts)
