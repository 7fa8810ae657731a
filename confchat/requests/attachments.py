"""`attachment.*`: files come in pieces, are read, and wait for the message that they belong to; places are shown."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

from confchat.documents.desk import Desk, Owner, Upload
from confchat.documents.document import Document
from confchat.documents.exported import parse_exported
from confchat.errors import RequestError
from confchat.frames import Request
from confchat.requests.meaning import begin_vectors
from confchat.requests.scope import Handlers, Scope


class AttachmentRequests:
    """Takes files in for the session's own conversation, and shows pages of those that were sent."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def handlers(self) -> Handlers:
        return {
            "attachment.begin": self._begin,
            "attachment.put": self._put,
            "attachment.drop": self._drop,
            "attachment.open": self._open,
            "attachment.sources": self._sources,
        }

    @property
    def slow_handlers(self) -> Handlers:
        return {"attachment.read": self._read, "attachment.restore": self._restore}

    async def _begin(self, request: Request) -> None:
        self._scope.refuse_other_conversation(request)
        name, size = request["name"], request["size"]
        self._tell(request, self._desk.begin(self._owner, request["attachment"], name=name, size=size))

    async def _put(self, request: Request) -> None:
        offset, piece = request["offset"], request["data"]
        self._tell(request, self._desk.put(self._owner, request["attachment"], offset=offset, piece=piece))

    async def _drop(self, request: Request) -> None:
        self._desk.drop(self._owner, request["attachment"])
        self._scope.reply(request, "attachment.dropped", attachment=request["attachment"])

    async def _read(self, request: Request) -> None:
        uuid, upload = request["attachment"], self._whole(request)
        if upload.document is None:
            reader = self._scope.deployment.document_reader
            upload.document = await reader.read(bytes(upload.data), uuid=uuid, name=upload.name)
            upload.data.clear()
            await begin_vectors(self._scope, upload.document)
        self._tell(request, upload)

    async def _restore(self, request: Request) -> None:
        """Take what was sent for what an export has of a document; an image in it is read like any other."""
        uuid, upload = request["attachment"], self._whole(request)
        if upload.document is None:
            document = await asyncio.to_thread(parse_exported, uuid, bytes(upload.data), name=upload.name)
            if document.image is not None:
                read = await self._scope.deployment.document_reader.read(document.image, uuid=uuid, name=upload.name)
                document = replace(read, size=document.size)
            upload.document = document
            upload.data.clear()
        self._tell(request, upload)

    async def _open(self, request: Request) -> None:
        """Show one page of a document that was sent in a conversation, or an image."""
        scope, uuid = self._scope, request["attachment"]
        place = scope.talk if request["conversation"] == scope.conversation else scope.stored()
        document = await scope.write(lambda: place.read_document(request["conversation"], uuid))
        page = request["page"]
        if document.image is None and not 1 <= page <= len(document.pages):
            raise RequestError("not_found")
        text = "" if document.image else document.pages[page - 1]
        image = base64.b64encode(document.image).decode() if document.image else None
        scope.reply(request, "attachment.page", file=document.told(), page=page, text=text, image=image)

    async def _sources(self, request: Request) -> None:
        """Say which passages an answer was given: what the numbers in it mean."""
        scope = self._scope
        talk, conversation = scope.talk, scope.conversation
        turn = await scope.write(lambda: talk.find_turn(conversation, request["reply"]))
        scope.reply(request, "attachment.sources", reply=turn.uuid, sources=list(turn.sources))

    @property
    def _desk(self) -> Desk:
        return self._scope.deployment.desk

    @property
    def _owner(self) -> Owner:
        return self._scope.owner

    def _whole(self, request: Request) -> Upload:
        """Return a file that has come to its end; raises RequestError `not_found`, `offset`."""
        upload = self._desk.find(self._owner, request["attachment"])
        if upload.document is None and len(upload.data) != upload.size:
            raise RequestError("offset", retry=True)
        return upload

    def _tell(self, request: Request, upload: Upload) -> None:
        document: Document | None = upload.document
        self._scope.reply(
            request,
            "attachment.state",
            attachment=request["attachment"],
            offset=upload.size if document else len(upload.data),
            file=document.told() if document else None,
        )
