"""The key broker's client against a broker that verifies: a key comes only to a machine whose evidence passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from attestation.errors import ConfigurationError, UnavailableError
from attestation.kbs import CODES, KeyBrokerError, ProtocolVersion, TdxEvidence, parse_resource_uri
from attestation.kbs.devbroker import LIES, affirming_only
from attestation.kbs.devbroker.lies import STANDARD_ONLY, refuse_with
from attestation.kbs.errors import read_refusal
from attestation.simulator.td_report import DEBUG, SEPT_VE_DISABLE, Td, build_attributes
from tests.attestation.kbs_scene import BASE, SECRET, URI, BrokerScene

WAYS: tuple[tuple[ProtocolVersion, str], ...] = (("0.4.0", "EC"), ("0.4.0", "RSA"), ("0.1.0", "RSA"))


async def refusal(scene: BrokerScene, uri: str = URI, **changes: Any) -> KeyBrokerError:
    with pytest.raises(KeyBrokerError) as caught:
        await scene.client(**changes).fetch(uri)
    assert caught.value.code in CODES
    return caught.value


@pytest.mark.parametrize(("protocol", "key"), WAYS)
async def test_an_affirmed_machine_gets_its_secret(protocol: ProtocolVersion, key: str) -> None:
    scene = BrokerScene(protocols=(protocol,))
    release = await scene.client(protocol=protocol, key=key).fetch(URI)
    with release.secret as secret:
        assert bytes(secret.view) == SECRET
    assert (release.protocol, str(release.uri), len(scene.shown)) == (protocol, URI, 1)
    assert release.secret.is_wiped


async def test_every_handshake_has_a_key_and_a_challenge_of_its_own() -> None:
    scene = BrokerScene()
    client = scene.client()
    tokens = [(await client.fetch(URI)).token for _ in range(2)]
    assert tokens[0] != tokens[1]
    assert scene.shown[0] != scene.shown[1]


async def test_an_older_broker_is_found_out_once() -> None:
    scene = BrokerScene(protocols=("0.1.0",))
    client = scene.client(protocol="auto")
    assert [(await client.fetch(URI)).protocol for _ in range(2)] == ["0.1.0", "0.1.0"]
    assert len(scene.broker.sessions) == 2


@pytest.mark.parametrize("protocol", ["0.1.0", "0.4.0"])
async def test_another_version_than_the_configured_one_is_an_error(protocol: ProtocolVersion) -> None:
    other: ProtocolVersion = "0.4.0" if protocol == "0.1.0" else "0.1.0"
    error = await refusal(BrokerScene(protocols=(other,)), protocol=protocol, key="RSA")
    assert error.code == "kbs_version"
    assert "Version Mismatch" in error.said


async def test_a_path_before_the_broker_is_kept_as_balancers_need_it() -> None:
    release = await BrokerScene(prefix="/trustee").client().fetch(URI)
    assert bytes(release.secret.view) == SECRET


@pytest.mark.parametrize("protocol", ["0.1.0", "0.4.0"])
async def test_a_debuggable_machine_gets_nothing(protocol: ProtocolVersion) -> None:
    td = Td(report_data=bytes(64), td_attributes=build_attributes(SEPT_VE_DISABLE, DEBUG))
    assert (await refusal(BrokerScene(td=td), protocol=protocol, key="RSA")).code == "kbs_policy"


@pytest.mark.parametrize("protocol", ["0.1.0", "0.4.0"])
async def test_a_machine_of_no_known_release_gets_nothing(protocol: ProtocolVersion) -> None:
    td = Td(report_data=bytes(64), mr_td=b"\x5a" * 48)
    assert (await refusal(BrokerScene(td=td), protocol=protocol, key="RSA")).code == "kbs_policy"


async def test_the_quote_of_another_handshake_is_refused() -> None:
    scene = BrokerScene()

    async def replayed(report_data: bytes) -> TdxEvidence:
        return await scene.evidence(bytes(64))

    client = scene.client()
    client._evidence = replayed
    with pytest.raises(KeyBrokerError) as caught:
        await client.fetch(URI)
    assert caught.value.code == "kbs_attestation"


async def test_a_damaged_quote_is_refused() -> None:
    scene = BrokerScene()
    client = scene.client()

    async def damaged(report_data: bytes) -> TdxEvidence:
        quote = bytearray((await scene.evidence(report_data)).quote)
        quote[700] ^= 1
        return TdxEvidence(quote=bytes(quote), ccel=None, aael=None)

    client._evidence = damaged
    with pytest.raises(KeyBrokerError) as caught:
        await client.fetch(URI)
    assert caught.value.code == "kbs_attestation"


async def test_without_evidence_nothing_is_asked_for() -> None:
    scene = BrokerScene()
    client = scene.client()

    async def nothing(report_data: bytes) -> TdxEvidence:
        raise UnavailableError("the device is busy")

    client._evidence = nothing
    with pytest.raises(UnavailableError, match="busy"):
        await client.fetch(URI)
    assert all(session.token == "" for session in scene.broker.sessions.values())


@pytest.mark.parametrize("protocol", ["0.1.0", "0.4.0"])
async def test_a_secret_that_is_not_there_is_said_to_be_missing(protocol: ProtocolVersion) -> None:
    error = await refusal(BrokerScene(), "kbs:///default/aliyun/other", protocol=protocol, key="RSA")
    assert error.code == "kbs_resource"


async def test_the_policy_sees_the_whole_path_and_the_kms_its_last_name() -> None:
    scene = BrokerScene(broker_changes={"policy": affirming_only({"default/aliyun/model-key"})})
    assert bytes((await scene.client().fetch(URI)).secret.view) == SECRET
    assert (await refusal(scene, "kbs:///other/place/model-key")).code == "kbs_policy"
    open_to_all = BrokerScene()
    assert bytes((await open_to_all.client().fetch("kbs:///other/place/model-key")).secret.view) == SECRET


async def test_a_session_gives_several_secrets_and_its_token_outlives_its_cookie() -> None:
    now = datetime.now(UTC)
    times = [now]
    scene = BrokerScene(
        broker_changes={"secrets": {"a": b"first", "b": b"second"}, "clock": lambda: times[0]},
    )
    session = await scene.client().attest()
    first = await session.fetch(parse_resource_uri("kbs:///default/aliyun/a"))
    times[0] = now + timedelta(minutes=6)
    second = await session.fetch(parse_resource_uri("kbs:///default/aliyun/b"))
    await session.aclose()
    assert (bytes(first.view), bytes(second.view)) == (b"first", b"second")
    assert len(scene.shown) == 1


async def test_a_session_that_the_broker_lost_is_made_anew_once() -> None:
    scene = BrokerScene()
    refused: list[str] = []

    def change(broker: Any, call: Any, reply: Any) -> Any:
        if call.endpoint == "resource" and not refused:
            refused.append(call.path)
            return refuse_with("TokenVerifierError", "Token Verifier error")(broker, call, reply)
        return reply

    scene.change = change
    assert bytes((await scene.client().fetch(URI)).secret.view) == SECRET
    assert len(scene.shown) == 2


@pytest.mark.parametrize("protocol", ["0.1.0", "0.4.0"])
@pytest.mark.parametrize("name", LIES)
async def test_no_lie_of_a_broker_is_believed(name: str, protocol: ProtocolVersion) -> None:
    if protocol == "0.1.0" and name in STANDARD_ONLY:
        return
    scene = BrokerScene(change=LIES[name].change, protocols=(protocol,))
    timeout_s = 0.3 if name.endswith("-slow") else 5.0
    error = await refusal(scene, protocol=protocol, key="EC" if protocol == "0.4.0" else "RSA", timeout_s=timeout_s)
    # Newer brokers have one word for everything that goes wrong while evidence is looked at.
    is_vague = (protocol, name) == ("0.4.0", "cookie-old")
    assert error.code == ("kbs_attestation" if is_vague else LIES[name].code), error.said
    assert SECRET.decode() not in f"{error}{error.said}"


# Every variant of both times with its documented detail, and what a client makes of it.
DOCUMENTED = (
    ("ProtocolVersion", "KBS Client Protocol Version Mismatch: expected version: <=0.1.0", "kbs_version"),
    ("AttestationError", "RCAR handshake Auth failed: KBS Client Protocol Version Mismatch", "kbs_version"),
    ("AttestationError", "Attestation error: RCAR handshake Attest failed", "kbs_attestation"),
    ("AttestationFailed", "Attestation failed: verify TEE evidence", "kbs_attestation"),
    ("AttestationClaimsParseFailed", "Received illegal attestation claims: x", "kbs_broker"),
    ("FailedAuthentication", "Authentication failed: x", "kbs_authentication"),
    ("AdminAuthAccess", "Admin auth error", "kbs_authentication"),
    ("MissingCookie", "The cookie is missing", "kbs_session"),
    ("InvalidCookie", "The cookie is invalid", "kbs_session"),
    ("ExpiredCookie", "The cookie is expired", "kbs_session"),
    ("UnAuthenticatedCookie", "The cookie is unauthenticated", "kbs_session"),
    ("TokenNotFound", "Attestation Token not found", "kbs_session"),
    ("InvalidRequest", "The request is invalid: parse Authorization header failed: x", "kbs_session"),
    ("InvalidRequest", "The request is invalid: x", "kbs_request"),
    ("SerdeError", "Serialize/Deserialize failed", "kbs_request"),
    ("PolicyReject", "Resource not permitted.", "kbs_policy"),
    ("PolicyDeny", "Access denied by policy", "kbs_policy"),
    ("ReadSecretFailed", "Read secret failed: x", "kbs_resource"),
    ("PluginInternalError", "Plugin internal error", "kbs_resource"),
    ("InvalidRequestPath", "x", "kbs_path"),
    ("PluginNotFound", "Plugin x not found", "kbs_path"),
    ("TokenParseFailed", "Received an illegal token: x", "kbs_token"),
    ("TokenVerifierError", "Token Verifier error", "kbs_token"),
    ("JWEFailed", "Json Web Encryption failed: algorithm is not RSA1_5 but RSA-OAEP", "kbs_key"),
    ("JWEFailed", "Json Web Encryption failed: x", "kbs_broker"),
    ("JweError", "JWE failed", "kbs_broker"),
    ("TokenIssueFailed", "Attestation token issue failed: x", "kbs_broker"),
    ("PolicyEngineFailed", "x", "kbs_broker"),
    ("PolicyEngineError", "x", "kbs_broker"),
    ("ParsePolicyError", "x", "kbs_broker"),
    ("RvpsError", "x", "kbs_broker"),
    ("HTTPFailed", "x", "kbs_broker"),
    ("HTTPSFailed", "x", "kbs_broker"),
    ("SomethingNew", "x", "kbs_refused"),
)


@pytest.mark.parametrize(("variant", "detail", "code"), DOCUMENTED)
async def test_every_documented_refusal_is_told_apart(variant: str, detail: str, code: str) -> None:
    error = await refusal(BrokerScene(change=refuse_with(variant, detail, endpoint="auth")), protocol="0.4.0")
    assert (error.code, error.said) == (code, f"{variant}: {detail}")


def test_a_refusal_without_a_document_is_told_by_its_status() -> None:
    assert read_refusal(404, b"<html>not here</html>").code == "kbs_path"
    assert read_refusal(400, b"Json deserialize error").code == "kbs_refused"
    assert "\x1b" not in read_refusal(401, b'{"type":"a/PolicyDeny","detail":"\\u001b[2J"}').said


@pytest.mark.parametrize(
    ("url", "allows"),
    [
        ("http://broker.test", False),
        ("ftp://broker.test", True),
        ("broker.test", True),
        ("https://", True),
        ("https://user:word@broker.test", True),
        ("https://broker.test/?a=b", True),
    ],
)
def test_an_address_that_is_none_or_is_not_protected_is_refused(url: str, allows: bool) -> None:
    with pytest.raises(ConfigurationError):
        BrokerScene().client(url=url, allows_plain_http=allows)


@pytest.mark.parametrize(
    ("url", "allows"), [("http://broker.test", True), ("http://127.0.0.1:1", False), ("http://localhost:1", False)]
)
async def test_plain_http_is_for_this_machine_or_by_explicit_leave(url: str, allows: bool) -> None:
    release = await BrokerScene().client(url=url, allows_plain_http=allows).fetch(URI)
    release.secret.wipe()


async def test_an_address_of_a_secret_at_another_broker_is_refused() -> None:
    client = BrokerScene().client(url=BASE)
    for host in ("broker.test", "broker.test:443"):
        (await client.fetch(f"kbs://{host}/default/aliyun/model-key")).secret.wipe()
    with pytest.raises(ConfigurationError, match=r"elsewhere\.test"):
        await client.fetch("kbs://elsewhere.test/default/aliyun/model-key")


def test_the_old_protocol_knows_rsa_alone() -> None:
    with pytest.raises(ConfigurationError, match="RSA"):
        BrokerScene().client(protocol="0.1.0", key="EC")


async def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    scene = BrokerScene()
    release = await scene.client().fetch(URI)
    words = caplog.text
    assert "gave kbs:///default/aliyun/model-key" in words
    assert SECRET.decode() not in words
    assert release.token not in words
    assert all(session.nonce not in words for session in scene.broker.sessions.values())
