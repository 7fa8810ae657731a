"""Browsers by the names that people know them by, made of what they say of themselves."""

from __future__ import annotations

from django import template

register = template.Library()

# The first that stands in a User-Agent counts: browsers name those before them, too (RFC 9110, section 10.1.5).
_BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "FxiOS": "Firefox",
    "Firefox": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
_MOST = 60


@register.filter
def browser_name(user_agent: str) -> str:
    """Return browser and system, as "Chrome (Windows)"; what is not known is shown as it came, to 60 characters."""
    browser = next((name for token, name in _BROWSERS.items() if token in user_agent), None)
    system = next((name for token, name in _SYSTEMS.items() if token in user_agent), None)
    if browser is None:
        return user_agent[:_MOST]
    return f"{browser} ({system})" if system else browser
