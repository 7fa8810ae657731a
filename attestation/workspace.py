"""The auditor's workspace: records compared, verified again, or judged by another policy. All only reads."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required, permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from attestation.again import verify_again
from attestation.comparison import compare_records, describe_again
from attestation.dry_run import try_policy
from attestation.errors import MalformedError
from attestation.forms import CompareForm
from attestation.models import Attestation
from attestation.policy_form import PolicyForm, todays_policy
from attestation.records import find_attestation
from attestation.search import Wanted, newest_first
from attestation.views import VIEW
from attestation.words import title_of


@require_safe
@login_required
@permission_required(VIEW, raise_exception=True)
def compare(request: HttpRequest) -> HttpResponse:
    """Show two records side by side; beside one alone stands the one before it."""
    form = CompareForm(request.GET or None)
    context: dict[str, object] = {"form": form}
    if not request.GET:
        return render(request, "attestation/compare.html", context)
    if not form.is_valid():
        return render(request, "attestation/compare.html", context, status=400)
    right = _find(form.cleaned_data["second"])
    first = form.cleaned_data["first"]
    left = _before(right) if first is None else _find(first)
    if left is not None:
        context |= {"left": left, "right": right, **compare_records(left, right)}
        context["form"] = CompareForm({"first": left.pk, "second": right.pk})
    return render(request, "attestation/compare.html", context)


@require_safe
@login_required
@permission_required(VIEW, raise_exception=True)
def again(request: HttpRequest, record: UUID) -> HttpResponse:
    """Verify one record again, with its own lists and with today's."""
    attestation = _find(record)
    context: dict[str, object] = {"attestation": attestation}
    try:
        context |= describe_again(attestation, verify_again(attestation, now=timezone.now()))
    except MalformedError:
        context["unreadable"] = True
    return render(request, "attestation/again.html", context)


@require_safe
@login_required
@permission_required(VIEW, raise_exception=True)
def dry_run(request: HttpRequest) -> HttpResponse:
    """Show what another policy would have said of past attestations, a hundred at a time."""
    if not request.GET:
        return render(request, "attestation/dry_run.html", {"form": PolicyForm(initial=todays_policy())})
    form = PolicyForm(request.GET)
    if not form.is_valid():
        return render(request, "attestation/dry_run.html", {"form": form}, status=400)
    try:
        run = try_policy(form.change, wanted=form.wanted(now=timezone.now()), before=request.GET.get("before"))
    except MalformedError as error:
        raise Http404 from error
    checks = [(_(title_of(check)), count) for check, count in run.by_check]
    return render(request, "attestation/dry_run.html", {"form": form, "run": run, "checks": checks})


def _before(attestation: Attestation) -> Attestation | None:
    earlier = newest_first(Wanted(until=attestation.verdict_at)).values_list("pk", flat=True).first()
    return None if earlier is None else find_attestation(earlier)


def _find(record: UUID) -> Attestation:
    try:
        return find_attestation(record)
    except Attestation.DoesNotExist as error:
        raise Http404 from error
