"""A record and its evidence to take away, and what an installation publishes of itself.

Who may see what: Django permissions, which the groups `admins` and `auditors` have. Nobody sees content here.
"""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from attestation import publication
from attestation.bundle import build_bundle
from attestation.errors import MalformedError
from attestation.history import release_to_wire
from attestation.log.cosignature import build_witness_vkey
from attestation.log.signer import SignedCheckpoint
from attestation.log.store import read_tile
from attestation.log.tiles import parse_tile_path
from attestation.log.witnessing import SignedNote, Witnessed, read_cosigned_note, read_witnessed, with_cosignatures
from attestation.models import Attestation
from attestation.presentation import describe_record
from attestation.records import find_attestation, read_bundle

VIEW = "attestation.view_attestation"
EXPORT = "attestation.export_evidence"
TILE_MAX_AGE_S = 365 * 24 * 3600


@require_safe
@login_required
def record(request: HttpRequest, record: UUID) -> HttpResponse:
    """Show everything about one attestation; whoever may not see it is told that there is none."""
    attestation = _find(record)
    if not _may(request, VIEW, attestation):
        raise Http404
    context = {
        "attestation": attestation,
        "may_export": _may(request, EXPORT, attestation),
        **describe_record(attestation),
    }
    return render(request, "attestation/record.html", context)


@require_safe
@login_required
def evidence(request: HttpRequest, record: UUID) -> HttpResponse:
    """Give away one attestation as an archive; whoever may not have it is told that there is none."""
    attestation = _find(record)
    if not _may(request, EXPORT, attestation):
        raise Http404
    response = HttpResponse(build_bundle(read_bundle(attestation)), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="evidence-{attestation.pk}.zip"'
    return response


@gzip_page  # everybody's
@require_safe
def releases(request: HttpRequest) -> JsonResponse:
    """Publish the reference releases: exact manifests and their signatures."""
    return JsonResponse({"releases": [release_to_wire(release) for release in publication.releases()]})


@require_safe
def keys(request: HttpRequest) -> JsonResponse:
    """Publish the public keys of this installation; whoever relies on them pins them."""
    return JsonResponse(publication.public_keys().to_wire())


@require_safe
@cache_control(no_cache=True)
def checkpoint(request: HttpRequest) -> HttpResponse:
    """Publish the transparency log's newest checkpoint as a signed note, with the cosignatures that it has by now."""
    signed = _signed()
    return _note(with_cosignatures(SignedNote(signed.checkpoint.size, signed.note)))


@require_safe
@cache_control(no_cache=True)
def witnessed(request: HttpRequest) -> HttpResponse:
    """Publish the newest checkpoint that a witness cosigned, that of a name or any, with all of its cosignatures."""
    note = read_cosigned_note(name=request.GET.get("by"))
    if note is None:
        raise Http404
    return _note(note)


@require_safe
@cache_control(no_cache=True)
def witnesses(request: HttpRequest) -> JsonResponse:
    """Say which witnesses are asked, and what came of it: this server's own word, to be compared with the notes."""
    found = read_witnessed(publication.witnesses(), now=timezone.now())
    return JsonResponse({"witnesses": [_witness_to_wire(item) for item in found]})


@require_safe
@cache_control(public=True, immutable=True, max_age=TILE_MAX_AGE_S)
def tile(request: HttpRequest, path: str) -> HttpResponse:
    """Publish a part of the log, as far as it is signed for: hashes of its tree, or entries (C2SP tlog-tiles)."""
    try:
        wanted = parse_tile_path(path)
    except MalformedError as error:
        raise Http404 from error
    if not wanted.fits(_signed().checkpoint.size):
        raise Http404
    return HttpResponse(read_tile(wanted), content_type="application/octet-stream")


def _note(note: str) -> HttpResponse:
    return HttpResponse(note, content_type="text/plain; charset=utf-8")


def _witness_to_wire(found: Witnessed) -> dict[str, Any]:
    return {
        "url": found.witness.url,
        "vkey": build_witness_vkey(found.witness.key),
        "size": found.size,
        "cosigned_at": None if found.at is None else int(found.at.timestamp()),
        "asked_at": None if found.asked_at is None else int(found.asked_at.timestamp()),
        "fault": found.fault or None,
    }


def _signed() -> SignedCheckpoint:
    signed = publication.checkpoint_signer().last()
    if signed is None:
        raise Http404
    return signed


def _find(record: UUID) -> Attestation:
    try:
        return find_attestation(record)
    except Attestation.DoesNotExist as error:
        raise Http404 from error


def _may(request: HttpRequest, permission: str, attestation: Attestation) -> bool:
    """Whoever has the permission may, and the user whose conversation it was."""
    user = cast(AbstractUser, request.user)
    return user.has_perm(permission) or attestation.user_id == user.pk
