"""`{% page_script "main.js" %}`: a page's script, and beforehand everything that it will ask for at once."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from confchat.page_files import read_page_files

register = template.Library()


@register.simple_tag
def page_script(name: str) -> SafeString:
    """Return the elements that load a script; what it imports is named, so that it costs no further round trip.

    Style sheets come first: nothing is seen before they are there.
    """
    script, *imported = read_page_files(settings.BASE_DIR / "static").first_load(name, get_language() or "en")
    preloads = format_html_join(
        "", '<link rel="modulepreload" href="{}" fetchpriority="low">', ((static(path),) for path in imported)
    )
    return format_html('<script type="module" src="{}" fetchpriority="low"></script>{}', static(script), preloads)
