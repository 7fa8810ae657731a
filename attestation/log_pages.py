"""The transparency log as people read it: what was signed last, who witnessed it, and two checkpoints compared."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from attestation import publication
from attestation.forms import CheckpointsForm
from attestation.log.comparing import compare_checkpoints
from attestation.log.store import log_size
from attestation.log.witnessing import read_witnessed
from attestation.models import LogCheckpoint
from attestation.views import VIEW
from attestation.words import ENTRY_WORDS, WITNESS_WORDS

LATEST = 10


@require_safe
@login_required
@permission_required(VIEW, raise_exception=True)
def log(request: HttpRequest) -> HttpResponse:
    """Show the newest checkpoints and their witnesses, and compare two of them where two are named."""
    signed = publication.checkpoint_signer().last()
    witnessed = read_witnessed(publication.witnesses(), now=timezone.now())
    form = CheckpointsForm(request.GET or None)
    context: dict[str, object] = {
        "signed": signed,
        "waiting": log_size() - (0 if signed is None else signed.checkpoint.size),
        "latest": LogCheckpoint.objects.order_by("-size")[:LATEST],
        "witnessed": [(item, _(WITNESS_WORDS.get(item.fault, item.fault))) for item in witnessed],
        "vkey": publication.log_key().vkey,
        "form": form,
    }
    if not request.GET or not form.is_valid():
        return render(request, "attestation/log.html", context, status=400 if request.GET else 200)
    comparison = compare_checkpoints(form.cleaned_data["first"], form.cleaned_data["second"])
    context["comparison"] = comparison
    context["added"] = [(_(ENTRY_WORDS.get(kind, kind)), count) for kind, count in (comparison.added or {}).items()]
    return render(request, "attestation/log.html", context)
