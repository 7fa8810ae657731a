"""`settings.*` and `templates.*`: what a user wants kept of how he writes and is answered."""

from __future__ import annotations

from confchat.conversations import Shelf
from confchat.errors import RequestError
from confchat.frames import Request
from confchat.kept_settings import KeptSettings
from confchat.parameters import check_options
from confchat.requests.scope import Handlers, Scope

SETTINGS, TEMPLATES = "settings", "templates"


class SettingsRequests:
    """Reads and keeps settings and prompt templates; where nothing is stored there are none, and none are kept."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def handlers(self) -> Handlers:
        return {
            "settings.open": self._open,
            "settings.save": self._save,
            "templates.open": self._open_templates,
            "templates.save": self._save_templates,
        }

    async def _open(self, request: Request) -> None:
        kept, conversation = self._kept(), request["conversation"]
        found = kept and await self._scope.write(lambda: kept.read(SETTINGS, conversation=conversation))
        self._scope.reply(request, "settings.open", settings=found)

    async def _save(self, request: Request) -> None:
        kept = self._kept_or_refuse()
        conversation, settings = request["conversation"], request["settings"]
        if settings is not None:
            check_options(settings["options"])
        await self._scope.write(lambda: kept.write(SETTINGS, settings, conversation=conversation))
        self._scope.changed("settings", conversation)
        self._scope.reply(request, "settings.saved")

    async def _open_templates(self, request: Request) -> None:
        kept = self._kept()
        found = kept and await self._scope.write(lambda: kept.read(TEMPLATES))
        self._scope.reply(request, "templates.open", templates=found or [])

    async def _save_templates(self, request: Request) -> None:
        kept = self._kept_or_refuse()
        await self._scope.write(lambda: kept.write(TEMPLATES, request["templates"] or None))
        self._scope.changed("settings")
        self._scope.reply(request, "templates.saved")

    def _kept(self) -> KeptSettings | None:
        shelf = self._scope.shelf
        return shelf.settings() if isinstance(shelf, Shelf) else None

    def _kept_or_refuse(self) -> KeptSettings:
        kept = self._kept()
        if kept is None:
            raise RequestError("not_stored")
        return kept
