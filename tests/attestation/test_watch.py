"""What the watch finds, remembers, and tells: each change once, and everybody until he knows."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import httpx
import pytest
from django.core import mail
from pytest_django import Settings

from attestation.appraisal import AttestationResult, appraise
from attestation.collateral_set import CollateralStanding
from attestation.errors import ConfigurationError, UnavailableError
from attestation.models import Concern
from attestation.watch.channels import LogChannel, MailChannel, WebhookChannel, parse_secret
from attestation.watch.concerns import last_round, open_concerns
from attestation.watch.findings import Finding, Look, look_at, look_at_nothing
from attestation.watch.notices import Notice, tell
from attestation.watch.round import finish_round
from attestation.watch.words import FINDING_WORDS, sentence
from tests.attestation.scene import Scene, ask, build_scene

SETTLE = timedelta(minutes=30)
ROUND = timedelta(minutes=15)
SECRET = bytes(range(32))
HOOK = "https://hooks.example/confchat"


@pytest.fixture
def scene() -> Scene:
    return build_scene()


@pytest.fixture
async def result(scene: Scene) -> AttestationResult:
    evidence = scene.evidence()
    verdict = await ask(scene, scene.service(), evidence)
    return appraise(
        evidence,
        policy=scene.policy,
        trust=scene.trust,
        expectation=scene.expectation,
        releases=(scene.release,),
        answers=verdict.answers,
    )


def standing(scene: Scene, *, age_s: float = 60, left: timedelta = timedelta(days=20)) -> CollateralStanding:
    return CollateralStanding(age_s=age_s, expires_at=scene.now + left, now=scene.now)


def kinds(look: Look) -> dict[str, str]:
    return {finding.kind: finding.subject for finding in look.findings}


# --- findings -----------------------------------------------------------------------------------


def test_deployment_that_is_well_gives_no_finding(scene: Scene, result: AttestationResult) -> None:
    look = look_at(result, verdicts=[{"error": None}], collateral=standing(scene), releases=(scene.release,))
    assert (look.outcome, look.findings, look.is_complete) == ("affirming", (), True)


def test_each_kind_of_trouble_is_found(scene: Scene, result: AttestationResult) -> None:
    late = scene.now + timedelta(days=360)
    bad = appraise(
        scene.evidence(nonce=bytes(32)),
        policy=scene.policy,
        trust=scene.trust,
        expectation=scene.expectation,
        releases=(scene.release,),
        answers=(),
    )
    verdict = {"error": {"code": "service_timeout"}, "verifier": {"kind": "trustee", "url": "https://as.example"}}
    look = look_at(
        replace(bad, advisories=("INTEL-SA-01111",), tcb_status="OutOfDate"),
        verdicts=[verdict],
        collateral=standing(scene, left=timedelta(days=3)),
        releases=(scene.release,),
    )
    assert kinds(look) == {
        "outcome": "contraindicated binding.nonce nonce_differs",
        "advisory": "INTEL-SA-01111",
        "collateral_expiring": "collateral",
        "verifier": "trustee https://as.example",
    }
    later = look_at(
        replace(result, evaluated_at=late),
        verdicts=[],
        collateral=standing(scene, age_s=30 * 3600),
        releases=(scene.release,),
    )
    assert kinds(later) == {"release_expiring": "0.1.0", "collateral_stale": "collateral"}
    ended = look_at(result, verdicts=[], collateral=standing(scene, left=timedelta(0)), releases=())
    assert kinds(ended) == {"collateral_expired": "collateral"}
    assert kinds(look_at_nothing("unavailable", at=scene.now)) == {"unreachable": "server"}
    found = {*kinds(look), *kinds(later), *kinds(ended), "unreachable"}
    assert found == set(FINDING_WORDS), "a kind without words, or words for nothing"
    for finding in (*look.findings, *later.findings, *ended.findings):
        for is_over in (False, True):
            assert "{" not in sentence(finding.kind, finding.facts, ended=is_over)


# --- memory -------------------------------------------------------------------------------------


@dataclass
class Listener:
    """Somebody who is told, or cannot be reached."""

    name: str
    is_deaf: bool = False
    heard: list[list[str]] = field(default_factory=list)

    def send(self, notice: Notice) -> None:
        if self.is_deaf:
            raise UnavailableError("not there")
        self.heard.append(
            [f"{change.subject}{'' if change.ended_at is None else ' is over'}" for change in notice.changes]
        )


ADVISORY = Finding(
    kind="advisory", subject="INTEL-SA-01111", severity="warning", facts={"advisory": "INTEL-SA-01111", "status": "x"}
)
OTHER = replace(ADVISORY, subject="INTEL-SA-02222", facts={"advisory": "INTEL-SA-02222", "status": "x"})


@dataclass
class Rounds:
    """Rounds of one watch, a quarter of an hour apart."""

    now: datetime
    channels: list[Listener]

    def look(self, *findings: Finding, is_complete: bool = True) -> bool:
        self.now += ROUND
        look = Look(at=self.now, outcome="affirming", findings=findings, is_complete=is_complete)
        return finish_round(look, channels=self.channels, deployment="chat.example/log", settle=SETTLE)


@pytest.fixture
def rounds(scene: Scene) -> Rounds:
    return Rounds(scene.now, [Listener("log"), Listener("mail")])


@pytest.mark.django_db(transaction=True)
def test_each_change_is_told_once_and_its_end_too(rounds: Rounds) -> None:
    ear = rounds.channels[0]
    rounds.look(ADVISORY)
    rounds.look(ADVISORY)
    rounds.look(ADVISORY, OTHER)
    assert ear.heard == [["INTEL-SA-01111"], ["INTEL-SA-02222"]]
    rounds.look()
    assert len(ear.heard) == 2, "an end was told before it had settled"
    rounds.look()
    assert ear.heard[2:] == [["INTEL-SA-01111 is over", "INTEL-SA-02222 is over"]]
    rounds.look()
    assert len(ear.heard) == 3
    assert open_concerns() == []
    looked = last_round()
    assert looked is not None
    assert looked.at == rounds.now


@pytest.mark.django_db(transaction=True)
def test_what_comes_and_goes_is_one_concern(rounds: Rounds) -> None:
    for _ in range(10):
        rounds.look(ADVISORY)
        rounds.look()
    assert rounds.channels[0].heard == [["INTEL-SA-01111"]]
    assert Concern.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_no_evidence_ends_nothing(rounds: Rounds) -> None:
    rounds.look(ADVISORY)
    for _ in range(5):
        rounds.look(is_complete=False)
    assert [concern.subject for concern in open_concerns()] == ["INTEL-SA-01111"]


@pytest.mark.django_db(transaction=True)
def test_channel_that_fails_hears_it_all_when_it_is_back_and_no_other_hears_it_twice(rounds: Rounds) -> None:
    log, deaf = rounds.channels
    deaf.is_deaf = True
    assert not rounds.look(ADVISORY)
    assert not rounds.look(ADVISORY, OTHER)
    deaf.is_deaf = False
    assert rounds.look(ADVISORY, OTHER)
    assert deaf.heard == [["INTEL-SA-01111", "INTEL-SA-02222"]]
    assert log.heard == [["INTEL-SA-01111"], ["INTEL-SA-02222"]]


@pytest.mark.django_db(transaction=True)
def test_who_was_never_told_that_it_began_is_not_told_that_it_ended(rounds: Rounds) -> None:
    log, deaf = rounds.channels
    deaf.is_deaf = True
    rounds.look(ADVISORY)
    rounds.look()
    rounds.look()
    deaf.is_deaf = False
    rounds.look()
    assert deaf.heard == []
    assert log.heard == [["INTEL-SA-01111"], ["INTEL-SA-01111 is over"]]


@pytest.mark.django_db(transaction=True)
def test_facts_that_change_are_kept_without_another_notice(rounds: Rounds) -> None:
    rounds.look(ADVISORY)
    rounds.look(replace(ADVISORY, severity="critical", facts=ADVISORY.facts | {"status": "OutOfDate"}))
    (concern,) = open_concerns()
    assert (concern.severity, "OutOfDate" in tell(concern)) == ("critical", True)
    assert len(rounds.channels[0].heard) == 1


# --- channels -----------------------------------------------------------------------------------


@pytest.fixture
def notice(scene: Scene) -> Notice:
    begun = Concern(
        pk=7,
        kind="advisory",
        subject="INTEL-SA-01111",
        severity="warning",
        facts=dict(ADVISORY.facts),
        began_at=scene.now,
    )
    over = Concern(
        pk=6,
        kind="unreachable",
        subject="server",
        severity="critical",
        facts={"reason": "unavailable"},
        began_at=scene.now - ROUND,
        ended_at=scene.now,
    )
    return Notice(deployment="chat.example/log", at=scene.now, changes=[begun, over])


def test_log_has_a_line_for_each_change(notice: Notice, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="attestation.watch"):
        LogChannel().send(notice)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_mail_says_what_changed(notice: Notice, settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "confchat@chat.example"
    MailChannel(["ops@example.org", "night@example.org"]).send(notice)
    (message,) = mail.outbox
    assert message.to == ["ops@example.org", "night@example.org"]
    assert message.subject.startswith("[chat.example/log] Intel's advisory INTEL-SA-01111")
    assert message.subject.endswith("(+1)")
    assert message.body.splitlines()[1] == "OVER     The server gives evidence again."


def test_mail_server_that_is_gone_is_told_apart(notice: Notice, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", 1, False
    with pytest.raises(UnavailableError):
        MailChannel(["ops@example.org"]).send(notice)


@dataclass
class Hook:
    """A webhook that answers with these statuses in turn; 0 is no answer."""

    statuses: Iterator[int]
    asked: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        status = next(self.statuses)
        if not status:
            raise httpx.ConnectError("no route")
        return httpx.Response(status, headers={"location": "https://elsewhere.example"})


def tell_hook(notice: Notice, *statuses: int) -> Hook:
    hook = Hook(iter(statuses))
    channel = WebhookChannel(HOOK, secret=SECRET, transport=httpx.MockTransport(hook), sleep=hook.slept.append)
    channel.send(notice)
    return hook


def test_webhook_is_signed_as_standard_webhooks_says(notice: Notice) -> None:
    (request,) = tell_hook(notice, 204).asked
    head = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}."
    digest = hmac.new(SECRET, head.encode() + request.content, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    body = json.loads(request.content)
    assert [change["state"] for change in body["data"]["changes"]] == ["begun", "ended"]
    assert body["data"]["changes"][0]["id"] == "7-begun"
    assert body["type"] == "confchat.watch"


def test_webhook_that_stumbles_is_asked_again_with_the_same_id(notice: Notice) -> None:
    hook = tell_hook(notice, 0, 503, 200)
    assert len({request.headers["webhook-id"] for request in hook.asked}) == 1
    assert len(hook.slept) == 2


@pytest.mark.parametrize(("statuses", "tries"), [((500, 0, 429), 3), ((404,), 1), ((302,), 1)])
def test_webhook_that_refuses_or_stays_away_is_given_up_until_the_next_look(
    notice: Notice, statuses: tuple[int, ...], tries: int
) -> None:
    hook = Hook(iter(statuses))
    channel = WebhookChannel(HOOK, secret=SECRET, transport=httpx.MockTransport(hook), sleep=hook.slept.append)
    with pytest.raises(UnavailableError):
        channel.send(notice)
    assert len(hook.asked) == tries


def test_secret_of_a_webhook_has_its_form() -> None:
    text = base64.b64encode(SECRET).decode()
    assert parse_secret(text) == parse_secret(f"whsec_{text}") == SECRET
    for bad in ("", "not base64", base64.b64encode(bytes(23)).decode(), base64.b64encode(bytes(65)).decode()):
        with pytest.raises(ConfigurationError):
            parse_secret(bad)
