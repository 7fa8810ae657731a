"""`nv_attestation_sdk.attestation` of nv-attestation-sdk 2.7.0, as far as it is asked; as talkative as that."""

import base64
import hashlib
import hmac
import json
import time
import urllib.request
from enum import IntEnum, IntFlag

from pynvml import STAND_IN


class Devices(IntFlag):
    """Kinds of devices."""

    CPU = 1
    GPU = 2
    SWITCH = 4


class Environment(IntEnum):
    """Who verifies."""

    LOCAL = 2
    REMOTE = 5


class Attestation:
    """The client. Tokens of the local verifier are signed with a secret that everybody knows."""

    def set_name(self, name):
        self._name = name

    def set_nonce(self, nonce):
        self._nonce = nonce

    def add_verifier(self, device, environment, url, evidence, ocsp_url="", rim_url=""):
        assert (device, url, evidence) == (Devices.GPU, "", "")
        self._environment = environment

    def get_evidence(self, options=None):
        print("number of GPUs available :", STAND_IN["devices"])
        if STAND_IN.get("hangs"):
            time.sleep(60)
        return [{"arch": "HOPPER", "evidence": "", "certificate": ""}] * STAND_IN["devices"]

    def attest(self, evidence_list):
        print("attesting, with words on stdout " * STAND_IN.get("chatter", 1))
        remote = self._environment is Environment.REMOTE
        names = [f"GPU-{number}" for number in range(len(evidence_list))]
        if remote:
            query = json.dumps({"nonce": self._nonce, "names": names}).encode()
            with urllib.request.urlopen(STAND_IN["nras"], query, timeout=5) as answer:
                overall, devices = json.load(answer)
        else:
            overall = ["JWT", self._sign({"x-nvidia-overall-att-result": STAND_IN["attests"]})]
            sound = {"measres": "success", "secboot": True, "dbgstat": "disabled"}
            devices = {name: self._sign(sound) for name in names}
        key = "REMOTE_GPU_CLAIMS" if remote else "LOCAL_GPU_CLAIMS"
        self._token = json.dumps([["JWT", self._sign({})], {key: [overall, devices]}])
        return STAND_IN["attests"]

    def get_token(self, x=None):
        return self._token

    def _sign(self, claims):
        now = int(time.time())
        nonce = STAND_IN.get("nonce") or self._nonce
        claims = {
            "iss": "LOCAL_GPU_VERIFIER",
            "eat_nonce": nonce,
            "iat": now,
            "nbf": now - 120,
            "exp": now + 3600,
            **claims,
        }
        signed = f"{encode({'alg': 'HS256', 'typ': 'JWT'})}.{encode(claims)}"
        digest = hmac.new(b"secret", signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def encode(members):
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()
