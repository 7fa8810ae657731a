"""What this installation is made of: made once from settings, given to whoever serves a request."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import dataclass, field
from functools import cache

from django.conf import settings

from attestation import publication, this_machine
from attestation.appraisal import Policy, Trust
from attestation.attester import TdxAttester
from attestation.collateral import Collateral
from attestation.collateral_cache import CollateralCache
from attestation.errors import ConfigurationError, UnavailableError
from attestation.gpu_collector import GpuCollector
from attestation.log.checkpoint import Checkpoint
from attestation.log.keeper import LogKeeper
from attestation.log.key import LogKey
from attestation.log.witness import WitnessClient
from attestation.log.witnessing import Witnessing
from attestation.own_release import own_release
from attestation.public_keys import PublicKeys
from attestation.quote import parse_quote
from attestation.reference_values import ReferenceRelease
from attestation.services import Verifier
from attestation.statement import INSIDE, INSTANCE_SIZE, REPORT_DATA_SIZE
from attestation.verified import VerifiedCache
from confchat.changes import Changes
from confchat.checks import model_host
from confchat.collateral import build_collateral_cache
from confchat.delivery import Beat
from confchat.documents.desk import Desk
from confchat.documents.parsing import DocumentReader
from confchat.embedding import Embedder
from confchat.engines import build_model, is_inside, own_weights
from confchat.errors import ModelError
from confchat.event_log_file import EventLogFile
from confchat.file_digests import FileDigests
from confchat.generation import Generations
from confchat.group_commit import GroupCommit
from confchat.llm import Model, ModelDescription
from confchat.measuring import Measurer, Places
from confchat.model_choice import models_dir
from confchat.model_pulls import ModelPulls, free_bytes
from confchat.policy import build_trust, describe_policy
from confchat.reference_release import program_files
from confchat.searching import SearchIndexes
from confchat.verifiers import build_panel
from confchat.workload import Workload

logger = logging.getLogger(__name__)

MODEL_DESCRIPTION_S = 5.0


@dataclass(slots=True, kw_only=True)
class Deployment:
    """The parts of one running installation; `instance` is 16 random bytes of this start.

    `titling` are the conversations that are being named just now, each with its account: several tabs may ask.
    """

    attester: TdxAttester
    collateral: CollateralCache
    verifier: Verifier
    policy: Policy
    trust: Trust
    gpu: GpuCollector
    log: LogKeeper
    log_key: LogKey
    keys: PublicKeys
    releases: tuple[ReferenceRelease, ...]
    simulator_root: bytes | None
    model: Model
    model_name: str
    workload: Workload
    model_endpoint: str
    development: bool
    instance: bytes = field(default_factory=lambda: os.urandom(INSTANCE_SIZE))
    verified: VerifiedCache = field(default_factory=VerifiedCache)
    generations: Generations = field(default_factory=Generations)
    pulls: ModelPulls = field(init=False)
    changes: Changes = field(default_factory=Changes)
    titling: set[tuple[str, str]] = field(default_factory=set)
    embedder: Embedder = field(init=False)
    beat: Beat = field(default_factory=Beat)
    writes: GroupCommit = field(default_factory=GroupCommit)
    desk: Desk = field(default_factory=Desk)
    document_reader: DocumentReader = field(default_factory=DocumentReader)
    searches: SearchIndexes = field(default_factory=SearchIndexes)
    description_max_age_s: float = MODEL_DESCRIPTION_S
    _known: dict[str, tuple[float, ModelDescription]] = field(default_factory=dict)
    _own_release: ReferenceRelease | None = None

    def __post_init__(self) -> None:
        self.embedder = Embedder(self.model)
        self.pulls = ModelPulls(self.model, free_bytes=lambda: free_bytes(settings.CONFCHAT_OLLAMA_MODELS))

    @property
    def release(self) -> ReferenceRelease:
        """The release that this installation says it runs: the newest, until `settle_release` knows better."""
        if not self.releases:
            raise ConfigurationError("there is no reference release; `manage.py setup` makes one for development")
        return self._own_release or self.releases[0]

    async def settle_release(self) -> None:
        """Find out, once, which of its releases this machine was started from; none of them leaves the newest.

        Raises:
            UnavailableError, ConfigurationError: there is no quote that says so, or no release.
        """
        if self._own_release is None:
            report = parse_quote(await self.attester.quote(bytes(REPORT_DATA_SIZE))).report
            files = await asyncio.to_thread(program_files, settings.BASE_DIR, FileDigests())
            compared = self.policy.release_measurements
            found = own_release(report, self.releases, compared=compared, files=files)
            self._own_release = found or self.release

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint of the transparency log; raises `ConfigurationError` where it cannot go on."""
        return self.log.checkpoint()

    def context_tokens(self, model: ModelDescription) -> int:
        """Return how many tokens of context an answer of `model` is given."""
        return min(settings.CONFCHAT_CONTEXT_TOKENS, model.context_length or settings.CONFCHAT_CONTEXT_TOKENS)

    async def describe_model(self, name: str | None = None) -> ModelDescription:
        """Describe a model, or the configured one; asked again after a few seconds.

        Raises:
            ModelError: it is missing, or the model server does not answer.
        """
        now = time.monotonic()
        known = {key: value for key, value in self._known.items() if now - value[0] <= self.description_max_age_s}
        asked = name or self.model_name
        if asked not in known:
            known[asked] = now, await self.model.describe(asked)
        self._known = known
        return known[asked][1]

    async def measured_embedding(self) -> ModelDescription | None:
        """Return the model that makes vectors, where the release knows it and this machine has measured it; else None.

        Whoever makes a quote after this vouches for it too.
        """
        name = settings.CONFCHAT_EMBEDDING_MODEL
        try:
            found = await self.describe_model(name) if name else None
            if found is None or not found.embeds or not self.release.names_model(name, found.digest):
                return None
            await self.workload.measure(found, self.release)
        except (ModelError, UnavailableError) as error:
            logger.debug("No vectors of documents: %s", error)
            return None
        return found if self.workload.has_measured(name) else None

    @property
    def simulated(self) -> list[str]:
        """Name what is not real here: `tdx`, `model`, `thinking`."""
        parts = ["tdx"] if self.attester.trust_anchor == "simulator" else []
        return [*parts, "model", "thinking"] if settings.CONFCHAT_EMBEDDED_MODEL else parts


@cache
def deployment() -> Deployment:
    """Return this process's deployment, made at the first call.

    Raises:
        ConfigurationError: something is missing; the sentence says what.
    """
    attester = this_machine.attester()
    logger.info("quotes come through %s (%s)", attester.name, "; ".join(map(str, attester.trials)))
    is_simulated = attester.trust_anchor == "simulator"
    simulator_root = (settings.CONFCHAT_SIMULATOR_DIR / "root.der").read_bytes() if is_simulated else None
    policy, trust = publication.policy(), build_trust(simulator_root)
    collateral = build_collateral_cache(trust, is_simulated=is_simulated)
    releases = publication.releases()
    return Deployment(
        attester=attester,
        collateral=collateral,
        verifier=build_panel(
            policy,
            trust,
            releases=releases,
            collateral=collateral,
            simulator_root=simulator_root,
            attester=attester,
        ),
        policy=policy,
        trust=trust,
        gpu=GpuCollector(
            settings.CONFCHAT_GPU_PYTHON,
            script=settings.CONFCHAT_GPU_SCRIPT,
            verifier=settings.CONFCHAT_GPU_VERIFIER,
            environment=settings.CONFCHAT_GPU_ENVIRONMENT,
        ),
        log=LogKeeper(
            publication.checkpoint_signer(),
            origin=settings.CONFCHAT_LOG_ORIGIN,
            policy=describe_policy(policy, trust, keys=publication.public_keys(), releases=releases),
            tell=Witnessing(publication.witnesses(), client=WitnessClient()).tell,
        ),
        log_key=publication.log_key(),
        keys=publication.public_keys(),
        releases=releases,
        simulator_root=simulator_root,
        model=build_model(settings.CONFCHAT_OLLAMA_HOST),
        model_name=settings.CONFCHAT_MODEL,
        workload=_workload(attester),
        model_endpoint=INSIDE if is_inside() else "remote",
        development=settings.CONFCHAT_DEVELOPMENT,
    )


async def take_over() -> None:
    """Go by policy and releases as they are published from now on: two people changed them. The log says so.

    Raises:
        ConfigurationError: what was changed cannot be read.
        UnavailableError: the database does not answer; the next start says it.
    """
    parts = deployment()
    policy, releases = publication.policy(), publication.releases()
    # Another policy may name other attestation services, and those have other keys.
    trust, keys = build_trust(parts.simulator_root), publication.public_keys()
    parts.verifier = build_panel(
        policy,
        trust,
        releases=releases,
        collateral=parts.collateral,
        simulator_root=parts.simulator_root,
        attester=parts.attester,
    )
    parts.policy, parts.trust, parts.keys, parts.releases = policy, trust, keys, releases
    parts._own_release = None
    await parts.log.say(describe_policy(policy, trust, keys=keys, releases=releases))


def _workload(attester: TdxAttester) -> Workload:
    places = Places(
        root=settings.BASE_DIR,
        model_host=model_host(),
        models=models_dir() if is_inside() and settings.CONFCHAT_ENGINE == "ollama" else None,
        weights=own_weights(),
    )
    return Workload(attester, Measurer(places), EventLogFile(settings.CONFCHAT_DATA_DIR / "events.aael"))


async def collateral_for(quote: bytes) -> Collateral:
    """Return today's lists for a quote's platform, as this installation gets them.

    Raises:
        UnavailableError, MalformedError, ConfigurationError: there are none.
    """
    return await deployment().collateral.collateral_for(quote)
