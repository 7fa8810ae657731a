"""How up to date a platform is: TDX module, platform and quoting enclave matched to Intel's levels and merged.

Follows Intel's quote verification library (SGX-TDX-DCAP-QuoteVerificationLibrary, TcbLevelCheck, TdxModuleCheck and
TDRelaunchCheck). Pure comparison: nothing here verifies a signature or a date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from attestation.collateral import QeIdentity, SvnLevel, TcbInfo, TcbLevel, TdxModule
from attestation.errors import AppraisalError
from attestation.pck import PckExtension
from attestation.quote import TdReport

UP_TO_DATE = "UpToDate"
OUT_OF_DATE = "OutOfDate"
OUT_OF_DATE_CONFIGURATION_NEEDED = "OutOfDateConfigurationNeeded"
RELAUNCH_ADVISED = "TDRelaunchAdvised"
RELAUNCH_ADVISED_CONFIGURATION_NEEDED = "TDRelaunchAdvisedConfigurationNeeded"
REVOKED = "Revoked"

_HARDENING = frozenset({UP_TO_DATE, "SWHardeningNeeded"})
_CONFIGURATION = frozenset({"ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"})
_OUTDATED = frozenset({OUT_OF_DATE, OUT_OF_DATE_CONFIGURATION_NEEDED})

# Indices in TEE_TCB_SVN: the TDX module's SVN, its major version, and the late microcode's SVN.
_MODULE_SVN, _MODULE_VERSION, _LATE_MICROCODE = 0, 1, 2
_MODULE = "TDX module"


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbVerdict:
    """Intel's word on one platform; `module` is None for modules older than TDX 1.5's identities.

    `outdated_since` is the date of the oldest level that repairs what is out of date in it, None where nothing is or
    no level does. `repaired` has for each advisory, where it has one, the date of the oldest level without it.
    """

    status: str
    platform: str
    module: str | None
    qe: str
    advisories: tuple[str, ...]
    outdated_since: datetime | None
    repaired: Mapping[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """The level that a part of the platform reaches, and the better ones that Intel lists."""

    level: TcbLevel | SvnLevel
    better: Sequence[TcbLevel | SvnLevel]

    def repaired_on(self, advisory: str) -> datetime | None:
        """Return the date of the oldest better level without an advisory."""
        return min((level.date for level in self.better if advisory not in level.advisories), default=None)


def judge_tcb(
    report: TdReport, pck: PckExtension, qe_svn: int, *, tcb_info: TcbInfo, qe_identity: QeIdentity
) -> TcbVerdict:
    """Match module, platform and QE to their levels and merge them into one status and its advisories.

    Raises:
        AppraisalError: `tcb_module`, the TDX module is not one of Intel's identities;
            `tcb_not_supported`, below every level that Intel lists.
    """
    identity = _judge_module(report, tcb_info)
    module = None if identity is None else _match_svn(identity.levels, report.tee_tcb_svn[_MODULE_SVN], _MODULE)
    hardware, platform = _match_platform(report, pck, tcb_info)
    qe = _match_svn(qe_identity.levels, qe_svn, "quoting enclave")
    matches = [_Match(level=platform, better=_before(tcb_info.levels, platform))]
    matches += [_Match(level=qe, better=_before(qe_identity.levels, qe))]
    if identity is not None and module is not None:
        matches += [_Match(level=module, better=_before(identity.levels, module))]
    status = _merge(platform.status, module.status if module else UP_TO_DATE)
    if _is_cured_by_relaunch(report, tcb_info, hardware=hardware, status=status, module=module, qe=qe):
        needs_configuration = bool({hardware.status, status} & (_CONFIGURATION | {OUT_OF_DATE_CONFIGURATION_NEEDED}))
        status = RELAUNCH_ADVISED_CONFIGURATION_NEEDED if needs_configuration else RELAUNCH_ADVISED
    return TcbVerdict(
        status=_merge(status, qe.status),
        platform=platform.status,
        module=module.status if module else None,
        qe=qe.status,
        advisories=_union(platform.advisories, module.advisories if module else (), qe.advisories),
        outdated_since=_outdated_since(matches),
        repaired=dict(_repaired(matches)),
    )


def _judge_module(report: TdReport, tcb_info: TcbInfo) -> TdxModule | None:
    """Return the identity of the TDX module that the TD was started on, once it is Intel's; None before TDX 1.5."""
    version = report.tee_tcb_svn[_MODULE_VERSION]
    module = _find_module(tcb_info, version) if version else tcb_info.module
    mask = int.from_bytes(module.attributes_mask, "big")
    attributes, expected = (int.from_bytes(value, "big") for value in (report.seam_attributes, module.attributes))
    if report.mr_signer_seam != module.mr_signer or attributes & mask != expected:
        raise AppraisalError("tcb_module", "the TDX module is not one that Intel signed")
    return module if version else None


def _find_module(tcb_info: TcbInfo, version: int) -> TdxModule:
    name = f"TDX_{version:02X}"
    for module in tcb_info.module_identities:
        if module.id.upper() == name:
            return module
    raise AppraisalError("tcb_module", f"Intel's list knows no TDX module of the generation {name}")


def _match_platform(report: TdReport, pck: PckExtension, tcb_info: TcbInfo) -> tuple[TcbLevel, TcbLevel]:
    """Return the best level that the hardware reaches, and the best that it reaches with this TDX module.

    Modules of TDX 1.5 and later are judged by their own identity, so components 0 and 1 are then left out.
    """
    skipped = 2 if report.tee_tcb_svn[_MODULE_VERSION] else 0
    reached = [level for level in tcb_info.levels if _reaches(pck, level)]
    complete = [level for level in reached if _at_least(report.tee_tcb_svn[skipped:], level.tdx_svns[skipped:])]
    if not complete:
        raise AppraisalError("tcb_not_supported", "the platform is below every level that Intel supports")
    return reached[0], complete[0]


def _reaches(pck: PckExtension, level: TcbLevel) -> bool:
    return _at_least(pck.svns, level.sgx_svns) and pck.pce_svn >= level.pce_svn


def _at_least(values: Iterable[int], floor: Iterable[int]) -> bool:
    return all(value >= least for value, least in zip(values, floor, strict=True))


def _match_svn(levels: tuple[SvnLevel, ...], svn: int, what: str) -> SvnLevel:
    for level in levels:
        if svn >= level.isv_svn:
            return level
    raise AppraisalError("tcb_not_supported", f"the {what} is below every level that Intel supports")


def _merge(status: str, part: str) -> str:
    """Return a platform's status made worse by that of its module or QE."""
    if part == REVOKED:
        return REVOKED
    if part == OUT_OF_DATE and status in _HARDENING:
        return OUT_OF_DATE
    if part == OUT_OF_DATE and status in _CONFIGURATION:
        return OUT_OF_DATE_CONFIGURATION_NEEDED
    return status


def _is_cured_by_relaunch(
    report: TdReport, tcb_info: TcbInfo, *, hardware: TcbLevel, status: str, module: SvnLevel | None, qe: SvnLevel
) -> bool:
    """Tell whether only the module that the TD was started on is old, and the one running now is the newest.

    TEE_TCB_SVN2 (TDX 1.5) is the module in place when the report was made.
    """
    current = report.tee_tcb_svn2
    only_module_is_old = (
        status in _OUTDATED
        and module is not None
        and module.status == OUT_OF_DATE
        and qe.status == UP_TO_DATE
        and hardware.status in _HARDENING | _CONFIGURATION
    )
    if current is None or not only_module_is_old:
        return False
    newest = tcb_info.levels[0].tdx_svns
    version = current[_MODULE_VERSION]
    newest_module = _newest_svn(_find_module(tcb_info, version)) if version else newest[_MODULE_SVN]
    return current[_MODULE_SVN] >= newest_module and current[_LATE_MICROCODE] >= newest[_LATE_MICROCODE]


def _newest_svn(module: TdxModule) -> int:
    if not module.levels:
        raise AppraisalError("tcb_not_supported", f"Intel's list has no level for the TDX module {module.id}")
    return module.levels[0].isv_svn


def _union(*lists: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(advisory for advisories in lists for advisory in advisories))


def _before(levels: Sequence[TcbLevel | SvnLevel], matched: TcbLevel | SvnLevel) -> Sequence[TcbLevel | SvnLevel]:
    """Return the levels that stand before one in a list that has the best first."""
    return levels[: levels.index(matched)]


def _outdated_since(matches: Iterable[_Match]) -> datetime | None:
    dates = [
        min((level.date for level in match.better), default=None)
        for match in matches
        if match.level.status in _OUTDATED
    ]
    known = [date for date in dates if date is not None]
    return min(known) if known and len(known) == len(dates) else None


def _repaired(matches: Sequence[_Match]) -> Iterator[tuple[str, datetime]]:
    """Yield each advisory that every part which is open to it has a repair for, and the oldest repair's date."""
    for advisory in _union(*(match.level.advisories for match in matches)):
        dates = [match.repaired_on(advisory) for match in matches if advisory in match.level.advisories]
        known = [date for date in dates if date is not None]
        if len(known) == len(dates):
            yield advisory, min(known)
