"""Whether a person is who he says, asked at the moment of a change: by password, and second factor if he has one.

allauth's own forms judge factors: a code counts once, wrong ones are counted, and a passkey answers one challenge.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from allauth.core import ratelimit
from allauth.mfa.base.forms import ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.mfa.webauthn.forms import ReauthenticateWebAuthnForm
from allauth.mfa.webauthn.internal.auth import begin_authentication
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext as _

from attestation.proposal_form import Said

Type = Authenticator.Type


@dataclass(frozen=True, slots=True)
class Proofs:
    """By what an account can show who it is; `options` is what its passkeys are asked, null where it has none."""

    password: bool
    code: bool
    options: dict[str, Any] | None

    @property
    def any(self) -> bool:
        return self.password or self.code or self.options is not None


def proofs_of(user: AbstractBaseUser) -> Proofs:
    """Return what a person is asked for; begins a challenge where he has passkeys."""
    has_passkey = is_mfa_enabled(user, types=[Type.WEBAUTHN])
    options = {"request_options": begin_authentication(user)} if has_passkey else None
    return Proofs(user.has_usable_password(), is_mfa_enabled(user, types=[Type.TOTP]), options)


def is_oneself(request: HttpRequest, form: Said) -> bool:
    """Say whether the password was given, and a factor where there is one; there are a few tries a minute."""
    user = cast(AbstractBaseUser, request.user)
    if not ratelimit.consume(request, action="reauthenticate", user=user):
        form.add_error("password", _("Too many tries; wait a minute."))
    elif user.has_usable_password() and not user.check_password(form.cleaned_data["password"]):
        form.add_error("password", _("This is not your password."))
    elif is_mfa_enabled(user):
        _check_factor(user, form)
    elif not user.has_usable_password():
        form.add_error(None, _("You sign in elsewhere: give your account a passkey or an authenticator app first."))
    return form.is_valid()


def _check_factor(user: AbstractBaseUser, form: Said) -> None:
    code, credential = form.cleaned_data["code"], form.cleaned_data["credential"]
    proof: ReauthenticateForm | ReauthenticateWebAuthnForm
    if isinstance(credential, dict) and not code:
        proof = ReauthenticateWebAuthnForm({"credential": json.dumps(credential)}, user=user)
    else:
        proof = ReauthenticateForm({"code": code}, user=user)
    if _is_valid(proof):
        proof.save()
    else:
        form.add_error(None if credential else "code", _("Your second factor was not given, or is not right."))


def _is_valid(proof: ReauthenticateForm | ReauthenticateWebAuthnForm) -> bool:
    try:
        return bool(proof.is_valid())
    except (AttributeError, KeyError):  # fido2's, of a credential that lacks a member or has another form
        return False
