"""The forms of a change of policy or releases: what is proposed, why, and how who says so shows that it is he."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from attestation import publication
from attestation.encoding import b64decode
from attestation.errors import MalformedError
from attestation.models import Proposal
from attestation.policy import Policy
from attestation.policy_text import MAX_POLICY_BYTES, policy_members

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
_PASSWORD = {"autocomplete": "current-password", "required": True}
_CODE = {"autocomplete": "one-time-code", "inputmode": "numeric"}


class Said(forms.Form):
    """What every step of a change is asked for each time; `attestation.oneself` knows what of it an account has."""

    password = forms.CharField(
        label=gettext_lazy("Your password, again"),
        widget=forms.PasswordInput(_PASSWORD),
        max_length=1000,
        required=False,
        strip=False,
    )
    code = forms.CharField(
        label=gettext_lazy("Code of your authenticator app, or a recovery code"),
        widget=forms.TextInput(_CODE),
        max_length=32,
        required=False,
    )
    credential = forms.JSONField(widget=forms.HiddenInput, required=False)


class ProposalForm(Said):
    """A change that is proposed; each kind has its content in a field of its own."""

    kind = forms.ChoiceField(choices=Proposal.Kind.choices, widget=forms.HiddenInput)
    policy = forms.CharField(
        label=gettext_lazy("The whole policy (docs/policies.md)"),
        required=False,
        max_length=MAX_POLICY_BYTES,
        widget=forms.Textarea({"rows": 14, "spellcheck": "false", "class": "code"}),
    )
    manifest = forms.FileField(label=gettext_lazy("Manifest (.json)"), required=False)
    signature = forms.FileField(label=gettext_lazy("Its signature (.sig)"), required=False)
    release = forms.ChoiceField(label=gettext_lazy("Release"), required=False)
    reason = forms.CharField(label=gettext_lazy("Why, for the other person"), max_length=1000)

    field_order = ("kind", "policy", "manifest", "signature", "release", "reason", "password", "code", "credential")

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        releases = publication.releases()
        choices = [(release.digest.hex(), f"{release.version} · {release.digest.hex()[:12]}") for release in releases]
        field = self.fields["release"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # for the types alone
        field.choices = choices

    def clean_policy(self) -> bytes:
        """Return the policy's file."""
        return str(self.cleaned_data["policy"]).encode()

    def clean_manifest(self) -> bytes:
        """Return the manifest's exact bytes."""
        return self._read("manifest")

    def clean_signature(self) -> bytes:
        """Return the signature, which its file holds in base64url."""
        text = self._read("signature").decode("ascii", "replace").strip()
        try:
            return b64decode(text)
        except MalformedError as error:
            raise forms.ValidationError(_("This is no signature.")) from error

    def content(self) -> bytes:
        """Return what is proposed; the form must be valid."""
        values = self.cleaned_data
        kind = values["kind"]
        if kind == Proposal.Kind.RELEASE:
            return bytes(values["manifest"])
        return bytes(values["policy"]) if kind == Proposal.Kind.POLICY else str(values["release"]).encode()

    def _read(self, name: str) -> bytes:
        file = self.cleaned_data[name]
        if file is None:
            return b""
        if file.size > MAX_MANIFEST_BYTES:
            raise forms.ValidationError(_("This file is too large."))
        content: bytes = file.read()
        return content


class DecisionForm(Said):
    """Whether a proposal comes into force; `digest` names what was shown."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    decision = forms.ChoiceField(choices=[("approve", "approve"), ("refuse", "refuse")])

    field_order = ("digest", "password", "code", "credential", "decision")


def policy_text(policy: Policy, *, now: datetime) -> str:
    """Return a policy's file to begin a proposal with; it gets an id of its own, which records will name."""
    own = replace(policy, id=f"approved-{now:%Y%m%d-%H%M}")
    return json.dumps(policy_members(own), ensure_ascii=False, indent=1)
