"""Pages: shells without content. Everything said in a conversation travels in sealed frames only."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
import uuid
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from attestation import publication
from attestation.channel import SUITES
from attestation.collateral_set import CollateralStanding
from attestation.database import in_database
from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import AttestationError, MalformedError, UnavailableError
from attestation.log.witnessing import read_witnessed
from attestation.policy_text import policy_members
from attestation.statement import NONCE_SIZE
from attestation.watch.concerns import last_round, open_concerns
from attestation.watch.words import FINDING_WORDS
from confchat import metrics
from confchat.accounts.roles import is_admin
from confchat.deployment import deployment
from confchat.errors import ModelError
from confchat.handshake import Asker, appraise_handshake, begin_handshake
from confchat.limits import spend
from confchat.traps import find_traps

MAX_QUESTION_BYTES = 1024


@gzip_page  # repeats nothing of what it was asked, so that no size tells what else is in it (SECURITY.md)
@login_required
def chat(request: HttpRequest, conversation: uuid.UUID | None = None) -> HttpResponse:
    """The chat; which conversation it shows is the page's own business."""
    config = page_configuration()
    context = {
        "config": json.dumps(config, separators=(",", ":")),
        "simulated": config["simulated"],
        "user_id": str(request.user.pk),
        "display_name": request.user.get_username(),
        "build": settings.CONFCHAT_BUILD,
        "may_manage_models": is_admin(request.user),
    }
    return render(request, "chat.html", context)


@require_safe
def how(request: HttpRequest) -> HttpResponse:
    """What a green badge proves and what it does not, for anyone; the page fills in what its browser saw."""
    context = {
        "site": f"{request.scheme}://{request.get_host()}",
        "witnessed": read_witnessed(publication.witnesses(), now=timezone.now()),
    }
    return render(request, "how.html", context)


def page_configuration() -> dict[str, Any]:
    """Build what the page's script is told: addresses, and the anchors that it pins."""
    parts = deployment()
    simulator_root = parts.trust.simulator_root_sha256
    return {
        "socket": "/ws/session/",
        "policy": policy_members(parts.policy),
        "development": parts.development,
        "build": settings.CONFCHAT_BUILD,
        "log": {"origin": parts.log_key.origin, "key": b64encode(parts.log_key.public)},
        "trust": {
            "simulator_root_sha256": simulator_root.hex() if simulator_root else None,
            "release_key": settings.CONFCHAT_RELEASE_KEY,
            "gpu_keys": [dict(key) for key in parts.trust.gpu_keys],
            "tokens": parts.keys.to_wire()["tokens"],
        },
        "simulated": parts.simulated,
    }


@csrf_exempt
@require_POST
async def evidence(request: HttpRequest) -> HttpResponse:
    """Give anyone fresh evidence for a nonce of his own; its key is gone at once, so nothing can be opened with it."""
    address = request.META.get("REMOTE_ADDR", "unknown")
    within = await sync_to_async(spend)("evidence/address", address, limit=settings.CONFCHAT_EVIDENCE_PER_ADDRESS)
    if not within:
        return _error("too_many_requests", status=429, retry=True)
    try:
        nonce, origin = _parse_question(request.body), _own_origin(request)
        handshake = await begin_handshake(
            deployment(), Asker(user=None, origin=origin), nonce=nonce, conversation=None, suites=tuple(SUITES)
        )
        handshake.key = None
        verdict = await appraise_handshake(deployment(), handshake)
    except MalformedError:
        return _error("bad_message", status=400, retry=False)
    except (AttestationError, ModelError):
        return _error("attestation_unavailable", status=503, retry=True)
    return JsonResponse({"evidence": handshake.evidence_message(), "verdict": verdict})


async def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process is alive."""
    return JsonResponse({"status": "ok"})


async def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether a conversation could begin now: database, model, quote device and collateral.

    A warning is for people to look at, while conversations still begin. `quotes` names the interface that quotes come
    from, and those that were looked for at the start, in their order; `machine` the codes of traps (confchat/traps.py).
    """
    faults = await READINESS.faults()
    standing = _collateral_standing()
    body = {
        "ready": not faults,
        "faults": faults,
        "warnings": {"collateral": standing.warning} if standing is not None and standing.warning else {},
        "collateral": None if standing is None else standing.to_wire(),
        "machine": [trap.code for trap in await asyncio.to_thread(find_traps)],
        "quotes": _quotes(),
    }
    return JsonResponse(body, status=503 if faults else 200)


class Readiness:
    """What the probes last said, for a few seconds: whoever asks often does not take the quote device from others."""

    def __init__(self, *, lasts_s: float) -> None:
        self._lasts_s = lasts_s
        self._lock = asyncio.Lock()
        self._known: tuple[float, dict[str, str]] | None = None

    async def faults(self) -> dict[str, str]:
        """Return the name and code of everything that is missing."""
        async with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > self._lasts_s:
                found = {name: fault for name, probe in PROBES.items() if (fault := await probe())}
                self._known = time.monotonic(), found
            return self._known[1]


READINESS = Readiness(lasts_s=2.0)


@require_safe
def prometheus(request: HttpRequest) -> HttpResponse:
    """Give operators who know the token figures for Prometheus; without a token set there is no such page."""
    expected = f"Bearer {settings.CONFCHAT_METRICS_TOKEN}"
    given = request.headers.get("Authorization", "")
    if not settings.CONFCHAT_METRICS_TOKEN or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Http404
    standing = deployment().collateral.standing()
    metrics.COLLATERAL_AGE_SECONDS.set(-1 if standing is None else standing.age_s)
    metrics.COLLATERAL_EXPIRES.set(0 if standing is None else standing.expires_at.timestamp())
    looked, concerned = last_round(), Counter(concern.kind for concern in open_concerns())
    metrics.LAST_LOOK.set(0 if looked is None else looked.at.timestamp())
    for kind in FINDING_WORDS:
        metrics.CONCERNS.labels(kind).set(concerned[kind])
    return HttpResponse(generate_latest(metrics.REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _parse_question(body: bytes) -> bytes:
    """Return the nonce (32 bytes) of `{"nonce":"…"}`."""
    if len(body) > MAX_QUESTION_BYTES:
        raise MalformedError("too large")
    members = parse_json(body)
    if not isinstance(members, dict) or set(members) != {"nonce"}:
        raise MalformedError("not a question for evidence")
    return b64decode(members["nonce"], size=NONCE_SIZE)


def _own_origin(request: HttpRequest) -> str:
    """Return the configured origin that the question was sent to."""
    origin = request.headers.get("Origin")
    for known in settings.CONFCHAT_ORIGINS:
        if origin == known or (origin is None and urlsplit(known).netloc == request.get_host()):
            return str(known)
    raise MalformedError("not an origin of this site")


def _error(code: str, *, status: int, retry: bool) -> HttpResponse:
    return JsonResponse({"type": "error", "code": code, "retry": retry}, status=status)


async def _probe_database() -> str:
    try:
        await in_database(_ask_database)()
    except UnavailableError:
        return "database_unavailable"
    return ""


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


async def _probe_model() -> str:
    try:
        await deployment().describe_model()
    except ModelError as error:
        return error.code
    return ""


async def _probe_attestation() -> str:
    parts = deployment()
    try:
        parts.checkpoint()  # a log that cannot be signed any more stops every attestation
        await parts.collateral.collateral_for(await parts.attester.quote(bytes(64)))
    except AttestationError as error:
        return error.code
    standing = parts.collateral.standing()
    return "" if standing is None else standing.fault


def _collateral_standing() -> CollateralStanding | None:
    try:
        return deployment().collateral.standing()
    except AttestationError:
        return None


def _quotes() -> dict[str, Any]:
    try:
        attester = deployment().attester
    except AttestationError:
        return {}
    return {"from": attester.name, "tried": [trial.way for trial in attester.trials]}


PROBES = {"database": _probe_database, "model": _probe_model, "attestation": _probe_attestation}
