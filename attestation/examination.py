"""One piece of evidence, taken apart for the checks: every part is read when a check first asks for it.

Reading trusts nothing. A part that cannot be read raises each time; `given` turns that into "could not be checked" for
the checks that merely need the part, while the check that owns it reports why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

from attestation.answers import Answer, Opinion, form_opinions
from attestation.collateral import QeIdentity, TcbInfo, parse_qe_identity, parse_tcb_info
from attestation.errors import AppraisalError, MalformedError
from attestation.eventlog import EventLog, parse_event_log
from attestation.evidence import Evidence
from attestation.pck import PckExtension, parse_pck_extension
from attestation.pki import (
    INTEL_ROOT_CA,
    PCK_CA_CHAIN,
    PCK_CHAIN,
    TCB_SIGNING_CHAIN,
    Certificate,
    Chain,
    Crl,
    Role,
    parse_certificate,
    parse_chain,
    verify_chain,
    verify_crl,
)
from attestation.policy import Expectation, Policy, Trust
from attestation.quote import Quote, parse_quote
from attestation.reference_values import ReferenceRelease, RefusedRelease
from attestation.signatures import has_signed
from attestation.statement import Statement, parse_statement
from attestation.tcb import TcbVerdict, judge_tcb
from attestation.verified import VerifiedCache

Part = TypeVar("Part")


class UncheckedError(Exception):
    """A check could not be made: something that it needs is absent or cannot be read."""


class Examination:
    """Evidence with everything that its checks compare it with."""

    def __init__(
        self,
        evidence: Evidence,
        *,
        policy: Policy,
        trust: Trust,
        expectation: Expectation,
        releases: Sequence[ReferenceRelease | RefusedRelease],
        answers: Sequence[Answer],
        cache: VerifiedCache | None,
    ) -> None:
        self.evidence = evidence
        self.policy = policy
        self.trust = trust
        self.expectation = expectation
        self.releases = releases
        self.answers = answers
        self._cache = cache if cache is not None else VerifiedCache()

    @cached_property
    def quote(self) -> Quote:
        """The quote. Raises `MalformedQuoteError`."""
        return parse_quote(self.evidence.quote)

    @cached_property
    def opinions(self) -> tuple[Opinion, ...]:
        """What each service that the policy names says; nothing where nobody's key is known here.

        Raises:
            ConfigurationError: a pinned key cannot be used.
        """
        try:
            report = self.quote.report
        except MalformedError:
            report = None
        return form_opinions(
            self.answers,
            self.trust.token_issuers,
            names=self.policy.verifiers,
            report=report,
            accepted_statuses=self.policy.accepted_tcb_statuses,
            now=self.expectation.now,
        )

    @cached_property
    def statement(self) -> Statement:
        """The statement. Raises `MalformedError`."""
        return parse_statement(self.evidence.statement)

    @property
    def is_simulated(self) -> bool:
        """Whether the evidence says that it is simulated; a lie about it fails `quote.chain` either way."""
        return self.evidence.trust_anchor == "simulator"

    @cached_property
    def may_use_simulator(self) -> bool:
        """Whether the simulator's root is the pinned one, and is asked about on this very computer."""
        root, pinned = self.evidence.simulator_root, self.trust.simulator_root_sha256
        if root is None or pinned is None or self.expectation.loopback is not True:
            return False
        return hashlib.sha256(root).digest() == pinned

    @cached_property
    def root(self) -> bytes:
        """The root (DER) that every chain must end in: the pinned simulator's, or else Intel's."""
        if self.is_simulated and self.may_use_simulator and self.evidence.simulator_root is not None:
            return self.evidence.simulator_root
        return INTEL_ROOT_CA

    @cached_property
    def root_certificate(self) -> Certificate:
        """The root, parsed. Raises `MalformedError`."""
        return self.remember(("parsed", self.root), lambda: parse_certificate(self.root))

    @cached_property
    def pck_chain(self) -> Chain:
        """PCK certificate, its CA and root, from the quote. Raises `MalformedError`."""
        return self.parse_chain(self.quote.pck_chain, PCK_CHAIN)

    @cached_property
    def pck_crl_chain(self) -> Chain:
        """The PCK CA and root that the collateral names for the CRL. Raises `MalformedError`."""
        return self.parse_chain(self.evidence.collateral.pck_crl_issuer_chain, PCK_CA_CHAIN)

    @cached_property
    def tcb_info_chain(self) -> Chain:
        """TCB info's signer and root. Raises `MalformedError`."""
        return self.parse_chain(self.evidence.collateral.tcb_info_issuer_chain, TCB_SIGNING_CHAIN)

    @cached_property
    def qe_identity_chain(self) -> Chain:
        """QE identity's signer and root. Raises `MalformedError`."""
        return self.parse_chain(self.evidence.collateral.qe_identity_issuer_chain, TCB_SIGNING_CHAIN)

    @cached_property
    def pck(self) -> PckExtension:
        """What the PCK certificate says of the platform. Raises `MalformedError`."""
        content = self.pck_chain[0].sgx_extension
        if content is None:
            raise MalformedError("the PCK certificate names no platform")
        return self.remember(("pck", content), lambda: parse_pck_extension(content))

    @cached_property
    def root_crl(self) -> Crl:
        """The root's CRL, its signature verified. Raises `MalformedError`, `AppraisalError`."""
        return self._verify_crl(self.evidence.collateral.root_ca_crl, self.root_certificate)

    @cached_property
    def pck_crl(self) -> Crl:
        """The PCK CA's CRL, its signature verified. Raises `MalformedError`, `AppraisalError`."""
        return self._verify_crl(self.evidence.collateral.pck_crl, self.pck_chain[1])

    @cached_property
    def tcb_info(self) -> TcbInfo:
        """The TCB info. Raises `MalformedError`, `AppraisalError`."""
        text = self.evidence.collateral.tcb_info
        return self.remember(("tcb_info", text), lambda: parse_tcb_info(text))

    @cached_property
    def qe_identity(self) -> QeIdentity:
        """The QE identity. Raises `MalformedError`, `AppraisalError`."""
        text = self.evidence.collateral.qe_identity
        return self.remember(("qe_identity", text), lambda: parse_qe_identity(text))

    @cached_property
    def tcb(self) -> TcbVerdict:
        """The platform's standing. Raises `MalformedError`, `AppraisalError`."""
        quote = self.quote
        return judge_tcb(
            quote.report, self.pck, quote.qe_report.isv_svn, tcb_info=self.tcb_info, qe_identity=self.qe_identity
        )

    @cached_property
    def event_log(self) -> EventLog:
        """What the machine says that it extended its registers with. Raises `MalformedError`."""
        return parse_event_log(self.evidence.ccel, self.evidence.aael)

    @cached_property
    def release(self) -> ReferenceRelease | None:
        """The genuine reference release whose manifest the statement names. Raises `MalformedError`."""
        named = (item for item in self.releases if item.digest == self.statement.release_digest)
        return next((item for item in named if isinstance(item, ReferenceRelease)), None)

    def remember(self, key: tuple[object, ...], verify: Callable[[], Part]) -> Part:
        """Return what `verify` returns, or returned before for the same key."""
        return self._cache.remember(key, verify)

    def parse_chain(self, pem: bytes | str, roles: tuple[Role, ...]) -> Chain:
        """Parse a chain, remembering it by its bytes. Raises `MalformedError`."""
        # What is not ASCII is no PEM, and turns into question marks that the parser refuses.
        data = pem.encode("ascii", "replace") if isinstance(pem, str) else pem
        return self.remember(("parsed", data, roles), lambda: parse_chain(data, roles))

    def verify_chain(self, chain: Chain, roles: tuple[Role, ...]) -> None:
        """Verify a chain to this evidence's root, but for its dates. Raises `AppraisalError`."""
        key = ("chain", tuple(certificate.der for certificate in chain), roles, self.root)
        self.remember(key, lambda: verify_chain(chain, roles, root=self.root))

    def has_signed(self, signer: Certificate, signature: bytes, data: bytes) -> bool:
        """Tell whether a certificate's key made this raw signature (r || s) over data; only a yes is remembered."""
        key = ("signed", signer.der, signature, data)
        return self._cache.knows(key) or (has_signed(signer.key, signature, data) and self.remember(key, lambda: True))

    def _verify_crl(self, der: bytes, issuer: Certificate) -> Crl:
        return self.remember(("crl", der, issuer.der), lambda: verify_crl(der, issuer=issuer))


def given(what: str, read: Callable[[], Part]) -> Part:
    """Return a part that a check needs and does not own; `what` names it for people.

    Raises:
        UncheckedError: the part cannot be read.
    """
    try:
        return read()
    except (MalformedError, AppraisalError) as error:
        raise UncheckedError(f"{what} cannot be read") from error
