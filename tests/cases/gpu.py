"""One case per rule of `gpu.evidence`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from attestation.encoding import b64encode
from attestation.gpu import MAX_DEVICES, P384_FIELD_SIZE, GpuState, StatedGpu, gpu_digest, gpu_nonce
from tests.cases.case import Case
from tests.cases.scene import NONCE, NOW, Scene

NRAS = "https://nras.attestation.nvidia.com"
KEY = ec.derive_private_key(384, ec.SECP384R1())
OTHER_KEY = ec.derive_private_key(385, ec.SECP384R1())
ISSUED_AT = int(NOW.timestamp()) - 5
COMMON: Mapping[str, Any] = {"iss": NRAS, "eat_nonce": gpu_nonce(NONCE), "iat": ISSUED_AT, "exp": ISSUED_AT + 3600}
OVERALL: Mapping[str, Any] = {**COMMON, "x-nvidia-overall-att-result": True}
DEVICE: Mapping[str, Any] = {**COMMON, "measres": "success", "secboot": True, "dbgstat": "disabled", "hwmodel": "GH100"}
ANYONE = {"gpu": "confidential-if-present"}
NVIDIA = {"gpu": "require-confidential"}


def public_p384(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """Return the public key as a JWK."""
    numbers = key.public_key().public_numbers()
    x, y = (b64encode(value.to_bytes(P384_FIELD_SIZE, "big")) for value in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-384", "x": x, "y": y}


def sign_es384(claims: Mapping[str, Any], key: ec.EllipticCurvePrivateKey, **header: str) -> str:
    """Return claims as NVIDIA's service signs them."""
    parts = ({"alg": "ES384", "typ": "JWT", "kid": "nv-eat-kid", **header}, claims)
    signed = ".".join(b64encode(json.dumps(part).encode()) for part in parts)
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA384())))
    return f"{signed}.{b64encode(b''.join(value.to_bytes(P384_FIELD_SIZE, 'big') for value in (r, s)))}"


def text_of(
    *,
    verifier: str = "nras",
    overall: Mapping[str, Any] = OVERALL,
    devices: int = 1,
    device: Mapping[str, Any] = DEVICE,
    key: ec.EllipticCurvePrivateKey = KEY,
    **header: str,
) -> str:
    """Return the member `gpu` of evidence."""
    tokens = {f"GPU-{number}": sign_es384(device, key, **header) for number in range(devices)}
    return json.dumps({"verifier": verifier, "overall": sign_es384(overall, key, **header), "devices": tokens})


def scene_of(
    text: str | None, *, policy: Mapping[str, Any], state: GpuState = "confidential", keys: bool = True
) -> Scene:
    """Return a handshake whose statement vouches for this text."""
    stated = StatedGpu(state=state, sha256=None if text is None else gpu_digest(text))
    return Scene(
        statement={"gpu": stated},
        policy=policy,
        trust={"gpu_keys": [public_p384(OTHER_KEY), public_p384(KEY)] if keys else []},
        spoiled={} if text is None else {"evidence.gpu": text},
    )


def cases() -> Iterator[Case]:
    yield from _good()
    yield from _bound()
    yield from _refused()


def _good() -> Iterator[Case]:
    for policy in (ANYONE, NVIDIA, {"gpu": "require"}, {"gpu": "ignore"}):
        yield _case(f"good: GPUs that NVIDIA vouches for, {policy['gpu']}", scene_of(text_of(devices=8), policy=policy))
    local = text_of(verifier="local", overall={**OVERALL, "iss": "LOCAL_GPU_VERIFIER"})
    yield _case("good: the machine's own verifier", scene_of(local, policy=ANYONE))
    yield _case("good: no key of NVIDIA's is pinned", scene_of(text_of(key=OTHER_KEY), policy=ANYONE, keys=False))
    renamed = {**DEVICE, "measres": "comparison-successful"}
    yield _case("good: claims of version 3", scene_of(text_of(device=renamed), policy=NVIDIA))
    for state in ("plain", "unproven"):
        for asked in ("ignore", "require"):
            scene = scene_of(None, policy={"gpu": asked}, state=state)
            yield _case(f"good: a GPU that is {state}, {asked}", scene)


def _bound() -> Iterator[Case]:
    good = text_of()
    for asked in ("require", "require-confidential"):
        yield _case(f"gpu_missing: {asked}", Scene(policy={"gpu": asked}), "gpu_missing")
    taken = scene_of(good, policy=ANYONE)
    for name, spoiled in {
        "taken away": {},
        "another": {"evidence.gpu": text_of(devices=2)},
        "spaces": {"evidence.gpu": f"{good} "},
    }.items():
        scene = Scene(statement=taken.statement, policy=ANYONE, trust=taken.trust, spoiled=spoiled)
        yield _case(f"gpu_differs: {name}", scene, "gpu_differs")
    unasked = Scene(policy={"gpu": "ignore"}, spoiled={"evidence.gpu": good})
    yield _case("gpu_differs: nobody vouches for it", unasked, "gpu_differs")
    for state in ("plain", "unproven"):
        for policy in (ANYONE, NVIDIA):
            name = f"gpu_{state}: {policy['gpu']}"
            yield _case(name, scene_of(None, policy=policy, state=state), f"gpu_{state}")


def _refused() -> Iterator[Case]:
    texts = {
        "gpu_malformed: not JSON": "{",
        "gpu_malformed: a list": "[]",
        "gpu_malformed: no device": text_of(devices=0),
        "gpu_malformed: too many devices": text_of(devices=MAX_DEVICES + 1),
        "gpu_malformed: too long": text_of() + 65536 * " ",
        "gpu_malformed: an unknown verifier": text_of(verifier="somebody"),
        "gpu_malformed: a token of two parts": json.dumps(
            {"verifier": "nras", "overall": "e30.e30", "devices": {"GPU-0": "e30.e30"}}
        ),
        "gpu_malformed: claims that are a list": json.dumps(
            {"verifier": "nras", "overall": "e30.W10.", "devices": {"GPU-0": "e30.W10."}}
        ),
        "gpu_signature: another key": text_of(key=ec.derive_private_key(386, ec.SECP384R1())),
        "gpu_signature: another algorithm": text_of(alg="HS256"),
        "gpu_signature: critical headers": text_of(crit="b64"),
        "gpu_unsigned: the machine's own verifier": text_of(verifier="local"),
        "gpu_claims: another issuer": text_of(overall={**OVERALL, "iss": "https://nras.example"}),
        "gpu_nonce: another request": text_of(overall={**OVERALL, "eat_nonce": "00" * 32}),
        "gpu_nonce: a device's": text_of(device={**DEVICE, "eat_nonce": gpu_nonce(bytes(32))}),
        "gpu_time: expired": text_of(device={**DEVICE, "exp": ISSUED_AT - 200}),
        "gpu_time: from the future": text_of(overall={**OVERALL, "iat": ISSUED_AT + 200}),
        "gpu_time: old": text_of(overall={**OVERALL, "iat": ISSUED_AT - 900}),
        "gpu_time: none": text_of(device={name: value for name, value in DEVICE.items() if name != "iat"}),
        "gpu_claims: not affirmed": text_of(overall={**OVERALL, "x-nvidia-overall-att-result": False}),
        "gpu_claims: true as text": text_of(overall={**OVERALL, "x-nvidia-overall-att-result": "true"}),
        "gpu_claims: other measurements": text_of(device={**DEVICE, "measres": "fail"}),
        "gpu_claims: no secure boot": text_of(device={**DEVICE, "secboot": False}),
        "gpu_claims: open to debuggers": text_of(device={**DEVICE, "dbgstat": "enabled"}),
    }
    for name, text in texts.items():
        yield _case(name, scene_of(text, policy=NVIDIA), name.partition(":")[0])
    unpinned = scene_of(text_of(), policy=NVIDIA, keys=False)
    yield _case("gpu_unsigned: no key of NVIDIA's is pinned", unpinned, "gpu_unsigned")


def _case(name: str, scene: Scene, code: str = "") -> Case:
    return Case(name=name, scene=scene, fails={"gpu.evidence": code} if code else {}, made=("gpu.evidence",))
