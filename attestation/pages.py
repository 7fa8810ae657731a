"""Pages of the history: all of it for admins and auditors, everybody's own for himself. Nobody sees content here."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import AbstractUser
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from attestation import publication
from attestation.errors import MalformedError
from attestation.export import stream_export
from attestation.forms import SearchForm
from attestation.measured import list_measured
from attestation.news import begin_visit, read_news
from attestation.overview import SPANS, read_steps
from attestation.overview_presentation import describe_overview
from attestation.presentation import describe_news, describe_row
from attestation.records import list_attestations
from attestation.search import Wanted
from attestation.views import EXPORT, VIEW


@require_safe
@login_required
@permission_required(VIEW, raise_exception=True)
def records(request: HttpRequest) -> HttpResponse:
    """List the attestations that are looked for, newest first; above them stands what is new or unknown."""
    measured = list_measured(publication.releases())
    form = SearchForm(request.GET, measured=measured)
    context = {"form": form, "is_search": any(request.GET.get(name) for name in form.fields)}
    if not form.is_valid():
        return render(request, "attestation/records.html", context, status=400)
    context |= {**_page(request, form.wanted()), "may_export": _may_export(request)}
    if context["is_first"] and not context["is_search"]:
        now = timezone.now()
        visit = begin_visit(str(request.user.pk), now=now)
        context["news"] = describe_news(read_news(measured, visit=visit, now=now))
        context["traps"] = import_string(settings.CONFCHAT_TRAPS_SOURCE)()
    return render(request, "attestation/records.html", context)


@require_safe
@login_required
def own(request: HttpRequest) -> HttpResponse:
    """List the attestations that were made for whoever asks, newest first."""
    context = {**_page(request, Wanted(user=str(request.user.pk))), "is_own": True}
    return render(request, "attestation/own.html", context)


@require_safe
@login_required
@permission_required(VIEW, raise_exception=True)
def overview(request: HttpRequest) -> HttpResponse:
    """Show outcomes and latency over time, and what the machine measured since when."""
    span = SPANS.get(request.GET.get("span", "month"))
    if span is None:
        raise Http404
    measured = list_measured(publication.releases())
    context = describe_overview(read_steps(span, now=timezone.now()), measured, span=span)
    return render(request, "attestation/overview.html", context)


@require_safe
@login_required
@permission_required(EXPORT, raise_exception=True)
def export(request: HttpRequest) -> HttpResponseBase:
    """Give away all records that are looked for as one archive, written while it is sent."""
    form = SearchForm(request.GET, measured=list_measured(publication.releases()))
    if not form.is_valid():
        return HttpResponse(status=400)
    now = timezone.now()
    archive = stream_export(form.wanted(), sign=publication.sign, now=now)
    response = StreamingHttpResponse(archive, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="attestations-{now:%Y%m%d-%H%M%S}.zip"'
    return response


def _page(request: HttpRequest, wanted: Wanted) -> dict[str, Any]:
    try:
        page = list_attestations(wanted=wanted, before=request.GET.get("before"))
    except MalformedError as error:
        raise Http404 from error
    rows = [describe_row(item) for item in page.records]
    return {"rows": rows, "next": page.next, "is_first": "before" not in request.GET}


def _may_export(request: HttpRequest) -> bool:
    return cast(AbstractUser, request.user).has_perm(EXPORT)
