"""Cases of several attestation services: tokens of every form, several of them at once, and whose opinion counts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from attestation.encoding import b64decode
from attestation.quote import Quote, parse_quote
from attestation.simulator.quotes import build_quote
from attestation.simulator.td_report import Td
from tests.cases.case import Case
from tests.cases.scene import NOW, PLATFORM, TRUST, Scene
from tests.standins.alibaba import Alibaba
from tests.standins.service import Claims, StandIn
from tests.standins.trust_authority import TrustAuthority
from tests.standins.trustee import SimpleTrustee, Trustee

Answer = dict[str, Any]

OWN = TRUST["tokens"][0]
QUOTE = parse_quote(b64decode(Scene().build()["evidence"]["quote"]))
# The same machine, with a quote of its own for each nonce.
TD = Td(report_data=bytes(64), rtmr3=QUOTE.report.rtmr3)
POLICY = TrustAuthority.policies[0]


def cases() -> Iterator[Case]:
    """Yield every case of this file."""
    yield from _good()
    yield from _refused()
    yield from _trust_authority()
    yield from _several()


def services() -> dict[str, StandIn]:
    """Return a stand-in of every form, under the name that the cases pin it by."""
    made: dict[str, StandIn] = {
        "trustee": Trustee(now=lambda: NOW),
        "simple": SimpleTrustee(now=lambda: NOW),
        "alibaba": Alibaba(now=lambda: NOW),
        "intel": TrustAuthority(now=lambda: NOW),
    }
    return made


def answer(name: str, service: StandIn, *, quote: Quote = QUOTE, policies: tuple[str, ...] = ("default",)) -> Answer:
    """Return what a stand-in answers about a quote: by default the one of the good scene."""
    jwks: Claims = {}
    if isinstance(service, TrustAuthority):
        return nonced(name, service, TD, held=quote.report.report_data)
    assert isinstance(service, (Trustee, Alibaba))
    token = service.sign(*service.write(quote, list(policies)))
    return {"verifier": {"name": name, "jwks": jwks}, "token": token}


def nonced(name: str, service: TrustAuthority, td: Td, *, held: bytes, version: str = "v2") -> Answer:
    """Return Intel's answer about a second quote, which a TD made for the service's nonce and the held data."""
    nonce = service.nonce()
    value, time = (_standard(nonce[part]) for part in ("val", "iat"))
    report_data = hashlib.sha512(value + time + held).digest()
    second = parse_quote(
        build_quote(replace(td, report_data=report_data), enclave=PLATFORM.enclave, pck=PLATFORM.pki.pck)
    )
    asked = {"runtime_data": _to_standard(held), "verifier_nonce": nonce}
    token = service.sign(*service.write(second, asked, {"policy_ids": [POLICY]}, version=version, unmatched=[]))
    return {"verifier": {"name": name, "jwks": service.jwks()}, "token": token}


def scene(
    pinned: Mapping[str, StandIn], answers: list[Answer], *, quorum: str = "all", own: bool = True, **pin: Any
) -> Scene:
    """Return the good scene whose policy names these services beside the embedded one."""
    issuers = [{**service.pinned(**pin).to_members(), "name": name} for name, service in pinned.items()]
    return Scene(
        policy={"verifiers": [*(["embedded"] if own else []), *pinned], "quorum": quorum},
        trust={"tokens": [*([OWN] if own else []), *issuers]},
        spoiled={"others": answers, **({} if own else {"token": None})},
    )


def _good() -> Iterator[Case]:
    for name, service in services().items():
        said = answer(name, service)
        yield Case(name=f"good: the {service.form} form alone", scene=scene({name: service}, [said], own=False))
        yield Case(name=f"good: the {service.form} form beside ours", scene=scene({name: service}, [said]))
    every = services()
    said_by_all = [answer(name, service) for name, service in every.items()]
    yield Case(name="good: all forms at once", scene=scene(every, said_by_all))
    yield Case(name="good: all forms at once, in another order", scene=scene(every, said_by_all[::-1]))
    unnamed = [{**each, "verifier": {**each["verifier"], "name": "somebody"}} for each in said_by_all[:1]]
    yield Case(name="good: an answer in nobody's name", scene=scene({"trustee": every["trustee"]}, unnamed))
    older = services()["trustee"]
    older.change_claims = lambda claims: {**claims, "submods": {"cpu": claims["submods"]["cpu0"]}}
    yield Case(name="good: an older name of the processor", scene=scene({"trustee": older}, [answer("trustee", older)]))
    intel = services()["intel"]
    assert isinstance(intel, TrustAuthority)
    direct = intel.sign(*intel.write(QUOTE, {"runtime_data": "AAAA"}, {}, version="v1", unmatched=[]))
    said = {"verifier": {"name": "intel", "jwks": intel.jwks()}, "token": direct}
    yield Case(name="good: Intel's service about the very quote", scene=scene({"intel": intel}, [said]))
    for form, asked in (("trustee", "default"), ("simple", "default"), ("alibaba", "default"), ("intel", POLICY)):
        service = services()[form]
        named = scene({form: service}, [answer(form, service)], policies=(asked,))
        yield Case(name=f"good: {form} judged by the policy asked for", scene=named)


def _spoil(form: str, change: Any) -> Scene:
    service = services()[form]
    service.change_claims = change
    return scene({form: service}, [answer(form, service)])


def _refused() -> Iterator[Case]:
    """One rule broken in each form's own way."""
    another = parse_quote(build_quote(Td(report_data=bytes(64)), enclave=PLATFORM.enclave, pck=PLATFORM.pki.pck))
    hour = 3600
    for form in ("trustee", "simple", "alibaba"):
        service = services()[form]
        replayed = scene({form: service}, [answer(form, service, quote=another)])
        yield _claims(f"{form}: another quote", replayed)
        asked = scene({form: service}, [answer(form, service)], policies=("stricter",))
        yield _claims(f"{form}: another policy", asked)
    yield _claims("alibaba: debug", _spoil("alibaba", lambda claims: _in_status(claims, "true", "false")))
    yield _claims("alibaba: another TEE", _spoil("alibaba", lambda claims: {**claims, "tee": "sgx"}))
    yield _claims("alibaba: no status", _spoil("alibaba", lambda claims: {**claims, "tcb-status": None}))
    yield _claims("alibaba: a status that is no JSON", _spoil("alibaba", lambda claims: {**claims, "tcb-status": "{"}))
    yield _claims("alibaba: no reports", _spoil("alibaba", lambda claims: {**claims, "evaluation-reports": 1}))
    yield _claims("trustee: another submodule warns", _spoil("trustee", _with_gpu("warning")))
    yield Case(name="good: another submodule affirms, too", scene=_spoil("trustee", _with_gpu("affirming")))
    stale = _spoil(
        "alibaba", lambda claims: {**claims, "iat": claims["iat"] - 2 * hour, "nbf": claims["nbf"] - 2 * hour}
    )
    yield Case(name="token_time: hours old, though made for longer", scene=stale, fails={"verdict.token": "token_time"})
    long = _spoil("alibaba", lambda claims: {**claims, "exp": claims["iat"] + 6 * hour + 1})
    yield Case(name="token_time: longer than is pinned", scene=long, fails={"verdict.token": "token_time"})


def _with_gpu(status: str) -> Any:
    return lambda claims: {**claims, "submods": {**claims["submods"], "gpu0": {"ear.status": status}}}


def _in_status(claims: Claims, good: str, bad: str) -> Claims:
    name = '"tdx.td_attributes.debug": '
    return {**claims, "tcb-status": claims["tcb-status"].replace(f"{name}{bad}", f"{name}{good}")}


def _claims(name: str, spoiled: Scene) -> Case:
    return Case(name=f"token_claims: {name}", scene=spoiled, fails={"verdict.token": "token_claims"})


def _trust_authority() -> Iterator[Case]:
    """The rules of Intel's service: nonce, held data, status, certificates."""
    intel = services()["intel"]
    assert isinstance(intel, TrustAuthority)
    held, td = QUOTE.report.report_data, TD

    def case(name: str, said: Answer, *, code: str = "token_claims", **pin: Any) -> Case:
        return Case(name=f"{code}: {name}", scene=scene({"intel": intel}, [said], **pin), fails={"verdict.token": code})

    first = scene({"intel": intel}, [nonced("intel", intel, td, held=held, version="v1")])
    yield Case(name="good: Intel's service in version 1", scene=first)
    yield case("intel: other held data", nonced("intel", intel, td, held=bytes(64)))
    yield case("intel: another machine", nonced("intel", intel, replace(td, mr_td=bytes(48)), held=held))
    for name, changes in {
        "intel: out of date": {"attester_tcb_status": "OutOfDate"},
        "intel: debug": {"tdx_is_debuggable": True},
        "intel: no debug flag": {"tdx_is_debuggable": None},
        "intel: no nonce": {"verifier_nonce": None},
        "intel: a nonce that is none": {"verifier_nonce": {"val": "!", "iat": "!"}},
        "intel: no held data": {"attester_held_data": None},
        "intel: another report": {"tdx_report_data": "00" * 64},
    }.items():
        intel.change_claims = lambda claims, changes=changes: {**claims, "tdx": {**claims["tdx"], **changes}}
        yield case(name, nonced("intel", intel, td, held=held))
    intel.change_claims = lambda claims: {**claims, "policy_ids_unmatched": [{"id": POLICY}]}
    yield case("intel: a policy that does not match", nonced("intel", intel, td, held=held))
    intel.change_claims = lambda claims: claims
    good = nonced("intel", intel, td, held=held)
    yield case("intel: another policy", good, policies=("another",))
    bare = {"name": "intel", "jwks": {"keys": []}}
    yield case("intel: no certificates", {**good, "verifier": bare}, code="token_signature")
    yield case("intel: another root", good, code="token_signature", root_sha256=(bytes(32),))
    chain = good["verifier"]["jwks"]["keys"][0]
    for name, texts in {
        "without its root": chain["x5c"][:2],
        "without its authority": [chain["x5c"][0], chain["x5c"][2]],
        "the other way round": chain["x5c"][::-1],
        "no base64": ["!"],
        "no certificates": ["AAAA"],
        "no list": "AAAA",
    }.items():
        spoiled = {"name": "intel", "jwks": {"keys": [{**chain, "x5c": texts}]}}
        yield case(f"intel: a chain {name}", {**good, "verifier": spoiled}, code="token_signature")
    header = services()["intel"]
    assert isinstance(header, TrustAuthority)
    header.change_header = lambda values: {**values, "x5c": chain["x5c"]}
    told = {**nonced("intel", header, td, held=held), "verifier": bare}
    yield Case(name="good: a chain to the pinned root in the header", scene=scene({"intel": header}, [told]))


def _several() -> Iterator[Case]:
    """Any or all, who is missing, and who stands in for whom."""
    every = {name: service for name, service in services().items() if name != "intel"}
    said = {name: answer(name, service) for name, service in every.items()}
    warning = Trustee(now=lambda: NOW)
    warning.status = "warning"
    refuses = answer("trustee", warning)
    missing = {"verifier": {"name": "trustee", "jwks": {}}, "token": None}
    forged = {**said["trustee"], "token": said["trustee"]["token"][:-8] + "AAAAAAAA"}
    one = {"trustee": every["trustee"]}
    for name, bad, code in (
        ("refuses", refuses, "token_claims"),
        ("is missing", missing, "token_missing"),
        ("is forged", forged, "token_signature"),
        ("is another's", {**said["alibaba"], "verifier": missing["verifier"]}, "token_algorithm"),
    ):
        yield Case(name=f"{code}: all must affirm, one {name}", scene=scene(one, [bad]), fails={"verdict.token": code})
        yield Case(name=f"good: any may affirm, one {name}", scene=scene(one, [bad], quorum="any"))
        alone = scene(one, [bad], quorum="any", own=False)
        yield Case(name=f"{code}: any may affirm, the only one {name}", scene=alone, fails={"verdict.token": code})
    absent = scene(one, [])
    yield Case(name="token_missing: not even named", scene=absent, fails={"verdict.token": "token_missing"})
    unknown = replace(scene(one, [said["trustee"]]), trust={})
    yield Case(name="unknown: one whose key is not known", scene=unknown, unknown=("verdict.token",))
    enough = replace(scene(one, [], quorum="any"), trust={})
    yield Case(name="good: any may affirm, one is not known", scene=enough)
    nobody = replace(scene(one, [said["trustee"]]), trust={"tokens": []})
    yield Case(name="left out: nobody's key is known", scene=nobody, left_out=("verdict.token",))
    none = replace(scene({}, []), policy={"verifiers": [], "quorum": "all"})
    yield Case(name="left out: nobody is asked", scene=none, left_out=("verdict.token",))
    unasked = replace(scene(one, [refuses]), policy={"verifiers": ["embedded"], "quorum": "all"})
    yield Case(name="good: one that the policy does not name refuses", scene=unasked)


def _standard(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _to_standard(data: bytes) -> str:
    return base64.b64encode(data).decode()
