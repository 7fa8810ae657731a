"""The page of usage: sums that add up, limits that hold, and who sees and changes what."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from confchat.accounts.models import Allowance, Usage
from confchat.accounts.quotas import Limits, limits_of
from confchat.models import AUDITORS, User
from tests.confchat.test_accounts import PASSWORD, admin, sign_in

__all__ = ["admin"]

pytestmark = [pytest.mark.django_db]

PAGE = "/people/usage/"


@pytest.fixture
def anna() -> User:
    """Somebody who used something today, and thrice as much five and twenty days ago."""
    user = User.objects.create_user("anna", password=PASSWORD)
    today = datetime.now(UTC).date()
    for days, times in ((0, 1), (5, 3), (20, 3), (40, 100)):
        Usage.objects.create(
            user=user,
            day=today - timedelta(days=days),
            messages=times,
            prompt_tokens=1000 * times,
            answer_tokens=500 * times,
        )
    return user


def change(client: Client, act: str, **fields: object) -> int:
    return client.post(PAGE, {"act": act} | fields).status_code


def test_sums_of_a_person_his_groups_and_all_are_shown_and_downloaded(admin: Client, anna: User) -> None:
    anna.groups.add(Group.objects.create(name="=staff"))
    User.objects.create_user("+bert", password=PASSWORD)
    page = admin.get(PAGE, {"sort": "-messages_30"})
    row = page.context["people"][0]["of"]
    assert row.username == "anna"
    assert [getattr(row, f"messages_{span}") for span in (1, 7, 30)] == [1, 4, 7]
    assert [getattr(row, f"tokens_{span}") for span in (1, 7, 30)] == [1500, 6000, 10_500]
    group = next(row["of"] for row in page.context["groups"] if row["of"].name == "=staff")
    assert (group.members, group.messages_7, group.tokens_30) == (1, 4, 10_500)
    assert page.context["total"]["tokens_30"] == 10_500
    assert "10,500" in page.content.decode()
    table = list(csv.DictReader(io.StringIO(admin.get("/people/usage.csv").content.decode())))
    rows = {line["username"]: line for line in table}
    assert set(rows) == {"anna", "head", "'+bert"}, "no spreadsheet calculates a name"
    assert rows["anna"]["groups"] == "'=staff"
    assert (rows["anna"]["prompt_tokens_30"], rows["anna"]["answer_tokens_30"]) == ("7000", "3500")


@pytest.mark.parametrize("sort", ["username", "-username", "tokens_1", "-messages_7", "password", "-user__password"])
def test_columns_sort_and_nothing_else_does(admin: Client, anna: User, sort: str) -> None:
    names = [row["of"].username for row in admin.get(PAGE, {"sort": sort}).context["people"]]
    assert names == (["head", "anna"] if sort in ("-username", "tokens_1") else ["anna", "head"])


def test_limits_are_set_taken_back_and_refused_where_they_are_none(admin: Client, anna: User) -> None:
    who = {"kind": "user", "of": "anna"}
    key = f"user-{anna.pk}"
    assert change(admin, "limits", **who, **{f"{key}-messages": "20", f"{key}-tokens": ""}) == 302
    assert limits_of(str(anna.pk)) == Limits(20, None)
    for wrong in ("-1", "many", "1.5", "9999999999999"):
        page = admin.post(PAGE, {"act": "limits", **who, f"{key}-messages": wrong, f"{key}-tokens": "5"})
        assert page.status_code == 400
        assert '<details class="limits" open>' in page.content.decode()
    assert limits_of(str(anna.pk)) == Limits(20, None)
    assert change(admin, "as-others", **who) == 302
    assert limits_of(str(anna.pk)) == Limits(None, None)
    assert change(admin, "limits", kind="user", of="nobody") == 404
    assert change(admin, "else", **who) == 400


def test_a_group_is_made_filled_limited_and_deleted_and_roles_are_not(admin: Client, anna: User) -> None:
    assert change(admin, "group", name="staff") == 302
    assert change(admin, "group", name="Staff") == 400
    admin.post(f"/people/{anna.pk}/", {"act": "roles", "groups": ["staff"]})
    staff = Group.objects.get(name="staff")
    assert [*anna.groups.all()] == [staff]
    key = f"group-{staff.pk}"
    assert change(admin, "limits", kind="group", of=staff.pk, **{f"{key}-messages": "0", f"{key}-tokens": "9"}) == 302
    assert limits_of(str(anna.pk)) == Limits(0, 9)
    assert change(admin, "delete-group", kind="group", of=staff.pk) == 302
    assert limits_of(str(anna.pk)) == Limits(None, None)
    role = Group.objects.get(name=AUDITORS)
    assert change(admin, "delete-group", kind="group", of=role.pk) == 403


def test_auditors_read_people_see_their_own_and_neither_changes_anything(admin: Client, anna: User) -> None:
    auditor = User.objects.create_user("auditor", password=PASSWORD)
    auditor.groups.add(Group.objects.get(name=AUDITORS))
    reader, herself = sign_in("auditor"), sign_in("anna")
    for client in (reader, herself):
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = reader.get(PAGE)
    assert page.status_code == 200
    assert "<details" not in page.content.decode()
    assert change(reader, "limits", kind="user", of="anna") == 403
    assert [herself.get(PAGE).status_code, change(herself, "limits", kind="user", of="anna")] == [403, 403]
    own = herself.get("/accounts/").content.decode()
    assert "Messages: 1 today, 7 in 30 days. Tokens: 1,500 today, 10,500 in 30 days." in own
    assert not Allowance.objects.exists()


def test_limits_are_set_by_who_shows_once_more_who_he_is(admin: Client, anna: User) -> None:
    fresh = sign_in("head")
    assert fresh.get(PAGE).status_code == 200
    answer = fresh.post(PAGE, {"act": "limits", "kind": "user", "of": "anna"})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not Allowance.objects.exists()
