"""The page of usage: who used how much, and who may. Admins set limits on it; auditors read. It shows no content."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from confchat.accounts.models import Allowance
from confchat.accounts.quotas import KEPT_DAYS, Limits, day_of, installation_limits
from confchat.accounts.roles import confirmed, is_admin, readers_only
from confchat.accounts.usage import SPANS, build_csv, groups_usage, limits_of_all, people_usage, total_usage
from confchat.accounts.usage_forms import GroupForm, LimitsForm
from confchat.models import ADMINS, AUDITORS, User

ON_A_PAGE = 50
SORTS = ("username", *(f"{what}_{span}" for what in ("messages", "tokens") for span in SPANS))
FIRST_SORT = "-tokens_30"


@require_http_methods(["GET", "HEAD", "POST"])
@readers_only
@confirmed
def usage(request: HttpRequest) -> HttpResponse:
    """Show what people and groups used, and set what they may use."""
    if request.method != "POST":
        return _page(request)
    if not is_admin(request.user):
        raise PermissionDenied
    act = _ACTS.get(request.POST.get("act", ""))
    if act is None:
        return HttpResponse(status=400)
    context = act(request)
    if context:
        return _page(request, status=400, **context)
    return redirect(f"{reverse('usage')}?{request.GET.urlencode()}")


@require_safe
@readers_only
def download(request: HttpRequest) -> HttpResponse:
    """Give the people of the page as a table for spreadsheets."""
    name = f"confchat-usage-{day_of(timezone.now())}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(build_csv(_wanted(request)), content_type="text/csv; charset=utf-8", headers=headers)


def _page(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    page = Paginator(_wanted(request), ON_A_PAGE).get_page(request.GET.get("page"))
    limits = limits_of_all(page)
    today = day_of(timezone.now())
    shared = {row.group_id: Limits(row.messages, row.tokens) for row in Allowance.objects.exclude(group=None)}
    fault: dict[str, Any] = more.get("fault", {})
    people = [_row(person, "user", *limits[person.pk], fault) for person in page]
    groups = [
        _row(group, "group", shared.get(group.pk, installation_limits()), group.pk in shared, fault)
        for group in groups_usage(today=today)
    ]
    context = {
        "page": page,
        "people": people,
        "groups": groups,
        "total": total_usage(today=today),
        "today": today,
        "installation": installation_limits(),
        "wanted": request.GET.get("q", ""),
        "columns": _columns(_sort(request)),
        "may_change": is_admin(request.user),
        "kept_days": KEPT_DAYS,
        "group_form": more.get("group_form", GroupForm()),
    }
    return render(request, "people/usage.html", context, status=status)


def _row(of: Any, kind: str, limits: Limits, is_own: bool, fault: dict[str, Any]) -> dict[str, Any]:
    key = f"{kind}-{of.pk}"
    form = fault.get(key) or LimitsForm(initial={"messages": limits.messages, "tokens": limits.tokens}, prefix=key)
    return {
        "of": of,
        "kind": kind,
        "limits": limits,
        "is_own": is_own,
        "form": form,
        "is_open": key in fault,
        "is_role": kind == "group" and of.name in (ADMINS, AUDITORS),
    }


def _wanted(request: HttpRequest) -> QuerySet[User]:
    found = people_usage(today=day_of(timezone.now())).prefetch_related("groups")
    if wanted := request.GET.get("q", "").strip()[:150]:
        found = found.filter(username__icontains=wanted)
    return found.order_by(_sort(request), "username")


def _sort(request: HttpRequest) -> str:
    asked = request.GET.get("sort", "")
    return asked if asked.removeprefix("-") in SORTS else FIRST_SORT


def _columns(sort: str) -> dict[str, dict[str, str]]:
    """Return for each column how it is sorted, and what a click makes of it: figures begin with the greatest."""
    columns = {}
    for name in SORTS:
        first, other = (name, f"-{name}") if name == "username" else (f"-{name}", name)
        direction = "" if sort.removeprefix("-") != name else "descending" if sort.startswith("-") else "ascending"
        columns[name] = {"direction": direction, "next": other if sort == first else first}
    return columns


def _set_limits(request: HttpRequest) -> dict[str, Any]:
    of = _named(request)
    key = f"{_kind(request)}-{of.pk}"
    form = LimitsForm(request.POST, prefix=key)
    if not form.is_valid():
        return {"fault": {key: form}}
    Allowance.objects.update_or_create(**{_kind(request): of}, defaults=form.cleaned_data)
    return {}


def _forget_limits(request: HttpRequest) -> dict[str, Any]:
    Allowance.objects.filter(**{_kind(request): _named(request)}).delete()
    return {}


def _make_group(request: HttpRequest) -> dict[str, Any]:
    form = GroupForm(request.POST)
    if not form.is_valid():
        return {"group_form": form}
    Group.objects.create(name=form.cleaned_data["name"])
    return {}


def _delete_group(request: HttpRequest) -> dict[str, Any]:
    group = _named(request)
    if _kind(request) != "group" or group.name in (ADMINS, AUDITORS):
        raise PermissionDenied(_("This group is a role."))
    group.delete()
    return {}


def _kind(request: HttpRequest) -> str:
    return "group" if request.POST.get("kind") == "group" else "user"


def _named(request: HttpRequest) -> Any:
    """Return the person or group that a form is about; 404 where there is none."""
    name = request.POST.get("of", "")
    if _kind(request) == "group":
        return get_object_or_404(Group, pk=int(name) if name.isascii() and name.isdigit() else 0)
    return get_object_or_404(User, username=name)


_ACTS = {"limits": _set_limits, "as-others": _forget_limits, "group": _make_group, "delete-group": _delete_group}
