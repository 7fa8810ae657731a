"""The page on which somebody who has lost his history key starts over. Shows and needs no content."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from asgiref.sync import async_to_sync
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from confchat import starting_over
from confchat.deployment import deployment


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no types
def start_over(request: HttpRequest) -> HttpResponse:
    """Say what starting over means, and do it; the page's script then deletes the key that the browser keeps."""
    user = str(request.user.pk)
    if request.method == "POST":
        async_to_sync(_start_over)(user)
        return HttpResponse(status=204)
    return render(request, "start_over.html", {"user_id": user})


async def _start_over(user: str) -> None:
    parts = deployment()
    await parts.writes.run(lambda: starting_over.start_over(user))
    for answer in parts.generations.running_of(owner=user):
        if answer.scratchpad is None:
            answer.stop()
