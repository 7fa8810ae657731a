"""Ask this machine's NVIDIA GPUs for evidence, with NVIDIA's own Attestation SDK; ConfChat runs this as a process.

One JSON request on standard input, one JSON answer on standard output (docs/PROTOCOL.md, GPUs). Needs nothing but the
SDK (nv-attestation-sdk 2.x and its dependencies) in the Python that runs it, and imports nothing of ConfChat: the SDK
pins an old `cryptography`, which has no place where ConfChat runs.

    request   {"v":"confchat/1 gpu","nonce":"<64 hex digits>","verifier":"nras"|"local"}
    answer    {"v":"confchat/1 gpu","state":"none"|"plain"|"unproven"|"confidential",
               "claims":"<text>"|null,"error":"<code>"|null}
"""

import json
import os
import resource
import sys

PROTOCOL = "confchat/1 gpu"
MAX_REQUEST_BYTES = 4096
CPU_LIMIT_S = 60
FILE_LIMIT_BYTES = 16 * 1024 * 1024
CLAIMS = {"nras": "REMOTE_GPU_CLAIMS", "local": "LOCAL_GPU_CLAIMS"}
# What NVML says where there is no driver, no library or no device: nothing here is a GPU of NVIDIA's.
NO_GPU = {"NVMLError_LibraryNotFound", "NVMLError_DriverNotLoaded", "NVMLError_NotFound"}


def main():
    """Answer one request; whatever the SDK prints goes to standard error."""
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    limit(resource.RLIMIT_CPU, CPU_LIMIT_S)
    limit(resource.RLIMIT_FSIZE, FILE_LIMIT_BYTES)
    limit(resource.RLIMIT_CORE, 0)
    request = json.loads(sys.stdin.buffer.read(MAX_REQUEST_BYTES))
    found = {"state": "unproven", "claims": None, "error": None}
    try:
        found.update(look(request))
    except Exception as error:  # noqa: BLE001  # the SDK raises bare ones; all mean that nothing was proven
        found["error"] = type(error).__name__
    json.dump({"v": PROTOCOL, **found}, answer)
    answer.close()


def limit(kind, most):
    """Lower one of this process's own limits."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard),) * 2)


def look(request):
    """Return what the GPUs of this machine are, with claims where they are confidential."""
    if request["v"] != PROTOCOL:
        return {"error": "protocol"}
    state = mode()
    if state != "confidential":
        return {"state": state}
    claims = attest(request["nonce"], request["verifier"])
    return {"error": "refused"} if claims is None else {"state": "confidential", "claims": claims}


def mode():
    """Say whether there are GPUs, and whether all of them are in confidential mode without developers' tools."""
    import pynvml  # noqa: PLC0415  # a machine without it is answered, too

    try:
        pynvml.nvmlInit()
        if pynvml.nvmlDeviceGetCount() == 0:
            return "none"
    except pynvml.NVMLError as error:
        if type(error).__name__ in NO_GPU:
            return "none"
        raise
    try:
        state = pynvml.nvmlSystemGetConfComputeState()
    except pynvml.NVMLError:  # a GPU or driver that knows no such mode
        return "plain"
    return "confidential" if state.ccFeature and not state.devToolsMode else "plain"


def attest(nonce, verifier):
    """Return the verifier's tokens as the text that goes with the evidence, None where it does not affirm."""
    from nv_attestation_sdk import attestation  # noqa: PLC0415  # slow, and only for confidential GPUs

    client = attestation.Attestation()
    client.set_name("confchat")
    client.set_nonce(nonce)
    environment = attestation.Environment.REMOTE if verifier == "nras" else attestation.Environment.LOCAL
    client.add_verifier(attestation.Devices.GPU, environment, "", "")
    evidence = client.get_evidence(options={"ppcie_mode": False})
    if not evidence or not client.attest(evidence):
        return None
    overall, devices = json.loads(client.get_token())[1][CLAIMS[verifier]]
    return json.dumps({"verifier": verifier, "overall": overall[1], "devices": devices}, separators=(",", ":"))


if __name__ == "__main__":
    main()
