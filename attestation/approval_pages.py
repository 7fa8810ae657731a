"""Policies and reference releases changed by two people: one proposes, another approves. Auditors look on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from attestation import publication
from attestation.dry_run import DryRun, try_policy
from attestation.errors import AppraisalError, AttestationError, MalformedError
from attestation.models import Proposal
from attestation.oneself import is_oneself, proofs_of
from attestation.policy import Policy
from attestation.policy_changes import policy_changes
from attestation.policy_form import PolicyForm
from attestation.proposal_form import DecisionForm, ProposalForm, policy_text
from attestation.proposals import approve, digest_of, find_proposal, propose, read_content, refuse
from attestation.reference_values import ReferenceRelease
from attestation.search import Wanted
from attestation.views import VIEW
from attestation.words import DECISION_WORDS

CHANGE = "attestation.change_trust"
LATEST = 20
TRIED_DAYS = 30


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required(VIEW, raise_exception=True)
def proposals(request: HttpRequest) -> HttpResponse:
    """Show what is in force and what was proposed, and take a proposal."""
    if request.method != "POST":
        return _proposals(request, None)
    _need_change(request)
    form = ProposalForm(request.POST, request.FILES)
    if not form.is_valid() or not is_oneself(request, form):
        return _proposals(request, form)
    try:
        made = propose(
            kind=Proposal.Kind(form.cleaned_data["kind"]),
            content=form.content(),
            signature=form.cleaned_data["signature"],
            reason=form.cleaned_data["reason"],
            user=str(request.user.pk),
            now=timezone.now(),
        )
    except AttestationError as error:
        form.add_error(None, _sentence(error))
        return _proposals(request, form)
    return redirect("attestation:proposal", proposal=made.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@permission_required(VIEW, raise_exception=True)
def proposal(request: HttpRequest, proposal: UUID) -> HttpResponse:
    """Show one proposal: what it changes, in words, and what it would have said of last month; and decide on it."""
    try:
        found = find_proposal(proposal)
    except Proposal.DoesNotExist as error:
        raise Http404 from error
    except AppraisalError:
        return render(request, "attestation/proposal.html", {"is_changed": True}, status=409)
    if request.method != "POST":
        return _proposal(request, found, DecisionForm(initial={"digest": digest_of(found)}))
    _need_change(request)
    form = DecisionForm(request.POST)
    if not form.is_valid() or not is_oneself(request, form):
        return _proposal(request, found, form, status=400)
    values, user, now = form.cleaned_data, str(request.user.pk), timezone.now()
    try:
        if values["decision"] == "approve":
            approve(found, digest=values["digest"], user=user, now=now)
            async_to_sync(import_string(settings.CONFCHAT_TAKE_OVER))()
        else:
            refuse(found, user=user, now=now)
    except AttestationError as error:
        form.add_error(None, _sentence(error))
        return _proposal(request, found, form, status=409)
    return redirect("attestation:proposal", proposal=found.pk)


def _proposals(request: HttpRequest, failed: ProposalForm | None) -> HttpResponse:
    policy, now = _begun_from(request), timezone.now()
    forms = {
        kind.value: failed
        if failed is not None and failed.data.get("kind") == kind
        else ProposalForm(initial={"kind": kind.value, "policy": policy_text(policy, now=now)})
        for kind in Proposal.Kind
    }
    context = {
        "policy": publication.policy(),
        "is_named": publication.policy() == publication.named_policy(),
        "releases": publication.releases(),
        "latest": Proposal.objects.select_related("proposed_by", "decided_by").order_by("-proposed_at")[:LATEST],
        "forms": forms,
        "failed": None if failed is None else failed.data.get("kind"),
        "may_change": _may_change(request),
        "proofs": proofs_of(cast(AbstractUser, request.user)) if _may_change(request) else None,
    }
    return render(request, "attestation/proposals.html", context, status=200 if failed is None else 400)


def _proposal(request: HttpRequest, found: Proposal, form: DecisionForm, *, status: int = 200) -> HttpResponse:
    is_own = found.proposed_by_id == request.user.pk
    context: dict[str, Any] = {
        "proposal": found,
        "form": form,
        "may_decide": _may_change(request) and found.state == Proposal.State.OPEN,
        "is_own": is_own,
    }
    if context["may_decide"]:
        context["proofs"] = proofs_of(cast(AbstractUser, request.user))
    try:
        value = read_content(found)
    except AttestationError as error:
        context["fault"] = _sentence(error)
    else:
        context |= _describe(value)
    return render(request, "attestation/proposal.html", context, status=status)


def _describe(value: Policy | ReferenceRelease) -> dict[str, Any]:
    if isinstance(value, Policy):
        return {"changes": policy_changes(publication.policy(), value), "run": _try(value), "days": TRIED_DAYS}
    facts = [
        (_("Version"), value.version),
        (_("Digest"), value.digest.hex()),
        (_("Kind of machine"), value.platform),
        (_("Models"), ", ".join(sorted(f"{model.name} {model.digest}" for model in value.models))),
        (_("Files"), str(len(value.files))),
        *(("MRTD", item.mr_td.hex()) for item in value.measurements),
    ]
    return {"facts": facts}


def _try(policy: Policy) -> DryRun | None:
    """Try a policy on the newest records of the last month; None where none of them can be compared."""
    wanted = Wanted(since=timezone.now() - timedelta(days=TRIED_DAYS))
    try:
        return try_policy(lambda anchors: replace(anchors, policy=policy), wanted=wanted)
    except MalformedError:
        return None


def _begun_from(request: HttpRequest) -> Policy:
    """Return the policy that a proposal begins with: the one that was tried before, else the one in force."""
    form = PolicyForm(request.GET)
    if request.method != "POST" and request.GET and form.is_valid():
        return form.changed(publication.policy())
    return publication.policy()


def _sentence(error: AttestationError) -> str:
    code = getattr(error, "code", "")
    if code in DECISION_WORDS:
        return _(DECISION_WORDS[code])
    return error.detail if isinstance(error, AppraisalError) else str(error)


def _may_change(request: HttpRequest) -> bool:
    return cast(AbstractUser, request.user).has_perm(CHANGE)


def _need_change(request: HttpRequest) -> None:
    if not _may_change(request):
        raise PermissionDenied
