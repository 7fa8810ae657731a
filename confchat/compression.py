"""Compression on the wire of static files: they are everybody's, so that no secret can be guessed by sizes.

Of what views answer, two are compressed where they stand: the chat's shell, which repeats nothing of what it was
asked, and the signed releases.
"""

from __future__ import annotations

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

COMPRESSIBLE = ("text/", "image/svg+xml", "application/json", "application/manifest+json")


class StaticCompressionMiddleware(GZipMiddleware):
    """Compress static text; what is compressed is still, byte by byte, the file that the release names."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.path.startswith(settings.STATIC_URL):
            return response
        if isinstance(response, FileResponse):  # a file, which Django would read whole, with a warning
            response = _whole(response)
        is_text = response.get("Content-Type", "").startswith(COMPRESSIBLE)
        if response.status_code != 200 or not is_text:
            return response
        return super().process_response(request, response)


def _whole(response: FileResponse) -> HttpResponse:
    content = response.getvalue()
    if response.file_to_stream is not None:  # there is none for HEAD, nor where the file has not changed
        response.file_to_stream.close()
    return HttpResponse(content, status=response.status_code, headers=response.headers)
