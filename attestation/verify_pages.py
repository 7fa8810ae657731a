"""Verifying many records from a page: begun, watched and kept, a step with each request."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required, permission_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from attestation import publication
from attestation.forms import SearchForm
from attestation.measured import list_measured
from attestation.models import VerifyRun
from attestation.search import Wanted
from attestation.verify_run import FAULTS, begin_run, go_on, share_done
from attestation.views import VIEW
from attestation.words import FINDING_WORDS, title_of

LATEST = 20


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required(VIEW, raise_exception=True)
def runs(request: HttpRequest) -> HttpResponse:
    """List what was verified, and begin to verify all records that are looked for."""
    form = _search(request.POST if request.method == "POST" else request.GET)
    latest = VerifyRun.objects.select_related("user").order_by("-began_at")[:LATEST]
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "runs": [(run, _state(run)) for run in latest]}
        return render(request, "attestation/runs.html", context, status=400 if form.errors else 200)
    asked = QueryDict(mutable=True)
    asked.update({name: value for name in form.fields if (value := request.POST.get(name))})
    run = begin_run(
        user=str(request.user.pk),
        asked=asked.urlencode()[:2000],
        wanted=form.wanted(),
        with_todays_lists=request.POST.get("lists") == "today",
        now=timezone.now(),
    )
    return redirect("attestation:run", run=run.pk)


@require_safe
@login_required
@permission_required(VIEW, raise_exception=True)
def run(request: HttpRequest, run: UUID) -> HttpResponse:
    """Show how far a verification has come, and what it has found."""
    found = _find(run)
    context = {
        "run": found,
        "state": _state(found),
        "asked": [(name, value) for name, value in QueryDict(found.asked).items()],
        "found": [(record, _(FINDING_WORDS[finding]), _(title_of(check))) for record, finding, check in found.found],
    }
    return render(request, "attestation/run.html", context)


@require_POST
@login_required
@permission_required(VIEW, raise_exception=True)
def step(request: HttpRequest, run: UUID) -> HttpResponse:
    """Verify some more records of a run; a script is told how far it came, a person is shown."""
    found = _find(run)
    go_on(found, _wanted(found), now=timezone.now())
    if "application/json" not in request.headers.get("Accept", ""):
        return redirect("attestation:run", run=run)
    return JsonResponse(_state(_find(run)))


def _state(run: VerifyRun) -> dict[str, Any]:
    counts: dict[str, int] = run.counts
    return {
        "done": sum(counts.values()),
        "faults": sum(counts.get(name, 0) for name in FAULTS),
        "share": round(share_done(run), 4),
        "percent": int(100 * share_done(run)),
        "reached": "" if run.reached_at is None else f"{run.reached_at:%Y-%m-%d %H:%M:%S}",
        "ended": run.ended_at is not None,
        "counts": [[_(word), counts.get(name, 0)] for name, word in FINDING_WORDS.items()],
    }


def _wanted(run: VerifyRun) -> Wanted:
    form = _search(QueryDict(run.asked))
    if not form.is_valid():  # what it asked for is not known here any more
        raise Http404
    return form.wanted()


def _search(data: QueryDict) -> SearchForm:
    return SearchForm(data, measured=list_measured(publication.releases()))


def _find(run: UUID) -> VerifyRun:
    found = VerifyRun.objects.select_related("user").filter(pk=run).first()
    if found is None:
        raise Http404
    return found
