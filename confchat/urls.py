"""Every address of the project."""

from __future__ import annotations

from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from confchat import history_pages, model_pages, views
from confchat.accounts import pages as account_pages
from confchat.accounts import people_pages, token_pages, usage_pages

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation>/", views.chat, name="conversation"),
    path("accounts/", account_pages.account, name="account"),
    path("accounts/delete/", account_pages.delete, name="delete-account"),
    path("accounts/sessions/<int:login>/end", account_pages.end_login, name="end-login"),
    path("accounts/tokens/", token_pages.tokens, name="tokens"),
    path("accounts/tokens/<uuid:token>/revoke", token_pages.revoke, name="revoke-token"),
    path("accounts/invitation/<str:secret>/", people_pages.come, name="invitation"),
    path("accounts/", include("allauth.urls")),
    path("people/", people_pages.people, name="people"),
    path("people/new/", people_pages.new, name="new-person"),
    path("people/invitations/", people_pages.invite, name="invitations"),
    path("people/invitations/<uuid:invitation>/withdraw", people_pages.withdraw, name="withdraw"),
    path("people/usage/", usage_pages.usage, name="usage"),
    path("people/usage.csv", usage_pages.download, name="usage-csv"),
    path("people/<uuid:person>/", people_pages.person, name="person"),
    path("attestation/evidence", views.evidence, name="evidence"),
    path("attestation/", include("attestation.urls")),
    path("language/", require_POST(set_language), name="language"),
    path("history/start-over/", history_pages.start_over, name="start-over"),
    path("how/", views.how, name="how"),
    path("models/", model_pages.models, name="models"),
    path("models/pull", model_pages.pull, name="pull"),
    path("models/pull/end", model_pages.end_pull, name="end-pull"),
    path("models/encrypted/state", model_pages.encrypted_state, name="encrypted-state"),
    path("models/pull/state", model_pages.pull_state, name="pull-state"),
    path("healthz", views.healthz, name="healthz"),
    path("metrics", views.prometheus, name="metrics"),
    path("readyz", views.readyz, name="readyz"),
]
