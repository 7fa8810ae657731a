"""Why somebody cannot come in by signing in elsewhere."""

from __future__ import annotations

from allauth.socialaccount.providers.oauth2.client import OAuth2Error


class SignOnError(OAuth2Error):  # type: ignore[misc]  # allauth has no types
    """The provider's answer is missing or refused; the text says why, repeats nothing of it, and may be logged."""
