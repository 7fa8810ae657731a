"""What this product decides of what allauth leaves open: who may sign up, and whose address must be verified."""

from __future__ import annotations

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from confchat.accounts import invitations
from confchat.models import User
from confchat.oidc.errors import SignOnError

logger = logging.getLogger(__name__)

_VERIFY = "allauth.account.stages.EmailVerificationStage"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Sign-up is open, by invitation or closed, as CONFCHAT_SIGNUP says."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say whether this browser may sign up now."""
        if settings.CONFCHAT_SIGNUP == "closed":
            return False
        return settings.CONFCHAT_SIGNUP == "open" or invitations.entered(request, now=timezone.now()) is not None

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Store a new account, and use up the invitation that it came by."""
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit)
            is_invited = commit and invitations.accept(request, saved, now=timezone.now())
            if not is_invited and settings.CONFCHAT_SIGNUP == "invitation":
                raise PermissionDenied
        return saved

    def get_login_stages(self) -> list[str]:
        """Return allauth's stages, with our own for the address."""
        own = f"{VerifyAddress.__module__}.{VerifyAddress.__name__}"
        return [own if stage == _VERIFY else stage for stage in super().get_login_stages()]


class SignOnAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts of people who sign in elsewhere: made as CONFCHAT_SIGNUP allows, never one that is there already."""

    def list_apps(self, request: HttpRequest, provider: str | None = None, client_id: str | None = None) -> list[Any]:
        """Return the provider that the settings name; a row in the database makes none."""
        return [app for app in super().list_apps(request, provider, client_id) if app.pk is None]

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """Store a new account, and use up the invitation that it came by."""
        with transaction.atomic():
            saved: User = super().save_user(request, sociallogin, form)
            if form is None and settings.CONFCHAT_SIGNUP != "open":
                is_invited = invitations.accept(request, saved, now=timezone.now())
                if not is_invited:
                    raise PermissionDenied
        return saved

    def on_authentication_error(self, request: HttpRequest, provider: Any, **more: Any) -> None:
        """Tell operators why somebody could not come in; of foreign errors the kind alone."""
        exception = more.get("exception")
        reason = exception if isinstance(exception, SignOnError) else type(exception).__name__
        logger.warning("a sign-in elsewhere failed: %s", reason)


class VerifyAddress(EmailVerificationStage):  # type: ignore[misc]  # allauth has no types
    """Verification of the address, which accounts without one, made by an admin, cannot be asked for."""

    def handle(self) -> Any:
        """Let pass who has no address; ask for the link of everybody else, as allauth does."""
        user = self.login.user
        if user is not None and not self.login.signup and not EmailAddress.objects.filter(user=user).exists():
            return None, True
        return super().handle()
