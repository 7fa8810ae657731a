"""Pages: shells without content. Everything said in a conversation travels in sealed frames only."""

from __future__ import annotations

import json
import uuid
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from attestation.encoding import b64encode
from attestation.errors import AttestationError
from confchat.deployment import deployment
from confchat.errors import ModelError


@login_required
def chat(request: HttpRequest, conversation: uuid.UUID | None = None) -> HttpResponse:
    """The chat; which conversation it shows is the page's own business."""
    context = {
        "config": json.dumps(page_configuration(), separators=(",", ":")),
        "user_id": str(request.user.pk),
        "display_name": request.user.get_username(),
        "build": settings.CONFCHAT_BUILD,
    }
    return render(request, "chat.html", context)


def page_configuration() -> dict[str, Any]:
    """Build what the page's script is told: addresses, and the anchors that it pins."""
    parts = deployment()
    policy = parts.policy
    simulator_root = policy.simulator_root_sha256
    return {
        "socket": "/ws/session/",
        "policy": policy.enforcement,
        "development": parts.development,
        "build": settings.CONFCHAT_BUILD,
        "log": {"origin": parts.log_key.origin, "key": b64encode(parts.log_key.public)},
        "trust": {
            "simulator_root_sha256": simulator_root.hex() if simulator_root else None,
            "release_key": settings.CONFCHAT_RELEASE_KEY,
            "min_release_version": policy.min_release_version,
            "min_tcb_evaluation_data_number": policy.min_tcb_evaluation_data_number,
            "accepted_tcb_statuses": sorted(policy.accepted_tcb_statuses),
            "refused_advisories": sorted(policy.refused_advisories),
            "service_tds": sorted(value.hex() for value in policy.service_tds),
            "token": parts.keys.to_wire()["token"],
        },
        "simulated": parts.simulated,
    }


async def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process is alive."""
    return JsonResponse({"status": "ok"})


async def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether a conversation could begin now: database, model, quote device and collateral."""
    faults = {name: fault for name, probe in PROBES.items() if (fault := await probe())}
    return JsonResponse({"ready": not faults, "faults": faults}, status=503 if faults else 200)


async def _probe_database() -> str:
    await sync_to_async(connection.ensure_connection)()
    return ""


async def _probe_model() -> str:
    try:
        await deployment().describe_model()
    except ModelError as error:
        return error.code
    return ""


async def _probe_attestation() -> str:
    parts = deployment()
    try:
        await parts.collateral.collateral_for(await parts.attester.quote(bytes(64)))
    except AttestationError as error:
        return error.code
    return ""


PROBES = {"database": _probe_database, "model": _probe_model, "attestation": _probe_attestation}
