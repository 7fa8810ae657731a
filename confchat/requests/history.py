"""Folders, deletion and retention: what concerns the user's stored conversations as a whole."""

from __future__ import annotations

from django.conf import settings

from confchat import deletion
from confchat.frames import Request
from confchat.imported import with_documents
from confchat.requests.scope import Handlers, Scope
from confchat.retention import retention_days, set_retention


class HistoryRequests:
    """Keeps folders, deletes and brings back, and remembers how long conversations are kept."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def handlers(self) -> Handlers:
        return {
            "conversation.delete": self._delete,
            "conversation.restore": self._restore,
            "conversation.import": self._import,
            "history.delete": self._delete_all,
            "history.restore": self._restore_all,
            "folder.list": self._list_folders,
            "folder.name": self._name_folder,
            "folder.delete": self._delete_folder,
            "retention.get": self._tell_retention,
            "retention.set": self._set_retention,
        }

    async def _delete(self, request: Request) -> None:
        scope, conversation = self._scope, request["conversation"]
        scope.stored()
        until = await scope.write(lambda: deletion.delete_conversation(scope.user, conversation))
        self._stop_answers(conversation)
        scope.changed("conversation", conversation)
        scope.reply(request, "conversation.deleted", conversation=conversation, until=until)

    async def _restore(self, request: Request) -> None:
        scope, conversation = self._scope, request["conversation"]
        scope.stored()
        await scope.write(lambda: deletion.restore_conversation(scope.user, conversation))
        scope.changed("conversation", conversation)
        scope.reply(request, "conversation.changed", conversation=conversation)

    async def _import(self, request: Request) -> None:
        """Store messages, and the documents that came before them (`attachment.restore`)."""
        scope, shelf, conversation = self._scope, self._scope.stored(), request["conversation"]
        kept = {name: request[name] for name in ("title", "updated_at", "pinned", "archived", "folder")}
        waiting = scope.deployment.desk.documents(scope.owner)
        named = {item["attachment"] for turn in request["messages"] for item in turn.attachments}
        documents = {uuid: waiting[uuid] for uuid in named & waiting.keys()}
        turns = with_documents(request["messages"], documents)
        await scope.write(lambda: shelf.take_in(conversation, turns, documents=list(documents.values()), **kept))
        for uuid in documents:
            scope.deployment.desk.drop(scope.owner, uuid)
        self._scope.changed("messages", conversation)
        self._scope.reply(request, "conversation.changed", conversation=conversation)

    async def _delete_all(self, request: Request) -> None:
        scope = self._scope
        scope.stored()
        count, until = await scope.write(lambda: deletion.delete_history(scope.user))
        self._stop_answers(None)
        scope.changed("history")
        scope.reply(request, "history.deleted", count=count, until=until)

    async def _restore_all(self, request: Request) -> None:
        scope = self._scope
        scope.stored()
        count = await scope.write(lambda: deletion.restore_history(scope.user, until=request["until"]))
        scope.changed("history")
        scope.reply(request, "history.restored", count=count)

    def _stop_answers(self, conversation: str | None) -> None:
        for answer in self._scope.deployment.generations.running_of(owner=self._scope.user):
            if answer.scratchpad is None and conversation in (None, answer.conversation):
                answer.stop()

    async def _list_folders(self, request: Request) -> None:
        folders = self._scope.folders()
        self._tell_folders(request, await self._scope.write(folders.read))

    async def _name_folder(self, request: Request) -> None:
        folders = self._scope.folders()
        named = await self._scope.write(lambda: folders.name(request["folder"], request["name"].strip()))
        self._scope.changed("folders")
        self._tell_folders(request, named)

    async def _delete_folder(self, request: Request) -> None:
        folders = self._scope.folders()
        rest = await self._scope.write(lambda: folders.delete(request["folder"]))
        self._scope.changed("folders")
        self._tell_folders(request, rest)

    def _tell_folders(self, request: Request, folders: dict[str, str]) -> None:
        listed = [{"folder": folder, "name": name} for folder, name in folders.items()]
        self._scope.reply(request, "folder.list", folders=listed)

    async def _tell_retention(self, request: Request) -> None:
        scope = self._scope
        days = await scope.write(lambda: retention_days(scope.user))
        scope.reply(request, "retention", days=days, installation_days=settings.CONFCHAT_RETENTION_DAYS or None)

    async def _set_retention(self, request: Request) -> None:
        scope = self._scope
        scope.stored()
        await scope.write(lambda: set_retention(scope.user, days=request["days"]))
        scope.changed("history")
        await self._tell_retention(request)
