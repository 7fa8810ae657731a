"""What attestation services answered, judged together: who affirms, who does not, and whether that is enough."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from attestation.errors import AppraisalError, MalformedError
from attestation.issuer import TokenIssuer
from attestation.quote import TdReport
from attestation.token import verify_token
from attestation.token_claims import check_claims

Quorum = Literal["any", "all"]

# How far a token came: the one that was refused last is taken for the answer of the service in question.
_STEPS = (
    "token_missing",
    "token_malformed",
    "token_algorithm",
    "token_signature",
    "token_issuer",
    "token_audience",
    "token_time",
    "token_claims",
    "not_checked",
    "",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A token, None where none was given, the key set that came with it, and whose it is said to be.

    Believed by nobody: a wrong `name` earns an answer no trust, since the pinned keys decide.
    """

    name: str
    token: str | None
    jwks: Mapping[str, Any]


def read_answers(verdict: Mapping[str, Any]) -> tuple[Answer, ...]:
    """Return the answers in `attest.verdict`, the first service's first; what is not of its form is no answer."""
    others = verdict.get("others")
    entries = [verdict, *(others if isinstance(others, list) else [])]
    return tuple(_read_answer(entry) for entry in entries if isinstance(entry, Mapping))


def _read_answer(entry: Mapping[str, Any]) -> Answer:
    verifier, token = entry.get("verifier"), entry.get("token")
    members: Mapping[str, Any] = verifier if isinstance(verifier, Mapping) else {}
    jwks = members.get("jwks")
    return Answer(
        name=str(members.get("name")),
        token=token if isinstance(token, str) else None,
        jwks=jwks if isinstance(jwks, Mapping) else {},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one service says as its genuine token shows: `code` is empty where it affirms.

    `not_checked` is a genuine token about a report that cannot be read, or a service of which no key is known here
    (`issuer` None); `answer` is the place of the token among the answers, None where there is none.
    """

    name: str
    issuer: TokenIssuer | None
    code: str
    detail: str
    answer: int | None


def form_opinions(
    answers: Sequence[Answer],
    issuers: Sequence[TokenIssuer],
    *,
    names: Collection[str],
    report: TdReport | None,
    accepted_statuses: Collection[str],
    now: datetime,
) -> tuple[Opinion, ...]:
    """Say of each service that is named what its token says; nothing where no issuer is known at all.

    Its token is the answer in its name, or one in nobody's where there is none.

    Raises:
        ConfigurationError: a pinned key cannot be used.
    """

    def judge(place: int, issuer: TokenIssuer) -> Opinion:
        answer = answers[place]
        code, detail = _refusal(answer, issuer, report=report, accepted_statuses=accepted_statuses, now=now)
        return Opinion(name=issuer.name, issuer=issuer, code=code, detail=detail, answer=place)

    opinions = []
    for issuer in issuers:
        if issuer.name in names:
            judged = [judge(place, issuer) for place in _answers_of(issuer, answers, names)]
            opinions.append(max((_none(issuer), *judged), key=lambda opinion: _STEPS.index(opinion.code)))
    unknown = sorted(set(names) - {issuer.name for issuer in issuers}) if issuers else []
    return (*opinions, *(_unknown(name) for name in unknown))


def _none(issuer: TokenIssuer) -> Opinion:
    return Opinion(name=issuer.name, issuer=issuer, code="token_missing", detail="it gave no answer", answer=None)


def _unknown(name: str) -> Opinion:
    detail = f"no key of the attestation service {name} is known here"
    return Opinion(name=name, issuer=None, code="not_checked", detail=detail, answer=None)


def _answers_of(issuer: TokenIssuer, answers: Sequence[Answer], names: Collection[str]) -> list[int]:
    """Return the places of the tokens that may be a service's: those in its name, else those in no named one's."""
    named = [place for place, answer in enumerate(answers) if answer.name == issuer.name]
    places = named or [place for place, answer in enumerate(answers) if answer.name not in names]
    return [place for place in places if answers[place].token is not None]


def _refusal(
    answer: Answer,
    issuer: TokenIssuer,
    *,
    report: TdReport | None,
    accepted_statuses: Collection[str],
    now: datetime,
) -> tuple[str, str]:
    try:
        claims = verify_token(answer.token or "", issuer, now=now, jwks=answer.jwks)
        if report is None:
            return "not_checked", "the report cannot be read"
        check_claims(claims, issuer, report, accepted_statuses=accepted_statuses)
    except (AppraisalError, MalformedError) as error:
        return error.code, str(error)
    return "", ""


def decide_quorum(opinions: Sequence[Opinion], quorum: Quorum) -> Opinion | None:
    """Return None where enough of them affirm, else the opinion that stands in the way: a refusal before a doubt."""
    against = [opinion for opinion in opinions if opinion.code]
    if not against or (quorum == "any" and len(against) < len(opinions)):
        return None
    return min(against, key=lambda opinion: opinion.code == "not_checked")
