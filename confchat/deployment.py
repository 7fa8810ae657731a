"""What this installation is made of: made once from settings, given to whoever serves a request."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import cache

import httpx
from django.conf import settings

from attestation.appraisal import Policy, VerifiedCache
from attestation.attester import TdxAttester, choose_attester
from attestation.encoding import b64decode
from attestation.errors import ConfigurationError
from attestation.log import Checkpoint, LogKey, load_log_key
from attestation.pccs import CollateralCache
from attestation.pki import INTEL_ROOT_SHA256
from attestation.reference_values import ReferenceRelease, load_releases
from attestation.services import Verifier, embedded_verifier
from attestation.statement import INSTANCE_SIZE
from confchat.checks import is_loopback
from confchat.delivery import Beat
from confchat.generation import Generations
from confchat.llm import Model, ModelDescription
from confchat.llm.ollama import OllamaModel

MODEL_DESCRIPTION_S = 5.0
COLLATERAL_MAX_AGE_S = 3600.0
SIMULATOR_COLLATERAL_MAX_AGE_S = 1.0


@dataclass(slots=True, kw_only=True)
class Deployment:
    """The parts of one running installation; `instance` is 16 random bytes of this start."""

    attester: TdxAttester
    collateral: CollateralCache
    verifier: Verifier
    policy: Policy
    log_key: LogKey
    releases: tuple[ReferenceRelease, ...]
    simulator_root: bytes | None
    model: Model
    model_name: str
    model_endpoint: str
    development: bool
    instance: bytes = field(default_factory=lambda: os.urandom(INSTANCE_SIZE))
    verified: VerifiedCache = field(default_factory=VerifiedCache)
    generations: Generations = field(default_factory=Generations)
    beat: Beat = field(default_factory=Beat)
    _description: tuple[float, ModelDescription] | None = None

    @property
    def release(self) -> ReferenceRelease:
        """The reference release that this installation says it runs: the newest that it has."""
        if not self.releases:
            raise ConfigurationError("there is no reference release; `manage.py setup` makes one for development")
        return self.releases[-1]

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint of the transparency log."""
        return self.log_key.checkpoint()

    def context_tokens(self, model: ModelDescription) -> int:
        """Return how many tokens of context an answer of `model` is given."""
        return min(settings.CONFCHAT_CONTEXT_TOKENS, model.context_length or settings.CONFCHAT_CONTEXT_TOKENS)

    async def describe_model(self) -> ModelDescription:
        """Describe the configured model; asked again after five seconds.

        Raises:
            ModelError: it is missing, or the model server does not answer.
        """
        if self._description is None or time.monotonic() - self._description[0] > MODEL_DESCRIPTION_S:
            self._description = time.monotonic(), await self.model.describe(self.model_name)
        return self._description[1]
