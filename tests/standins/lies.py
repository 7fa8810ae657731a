"""Every way in which an attestation service can fail or lie, and the code that its verdict must get."""

from __future__ import annotations

from collections.abc import Callable

from attestation.encoding import b64encode
from attestation.services.caller import MAX_ANSWER_BYTES
from tests.standins.service import Claims, Reply, StandIn, ec_key, rsa_key, sign_jws

Lie = Callable[[StandIn], None]
HOUR_S = 3600


def _reply(reply: Reply) -> Lie:
    def tell(service: StandIn) -> None:
        service.instead = lambda request: None if request.method == "GET" else reply

    return tell


def _claims(change: Callable[[Claims], Claims]) -> Lie:
    def tell(service: StandIn) -> None:
        service.change_claims = change

    return tell


def _token(change: Callable[[str], str]) -> Lie:
    def tell(service: StandIn) -> None:
        service.change_token = change

    return tell


def _shifted(seconds: int) -> Lie:
    names = ("iat", "nbf", "exp")
    return _claims(lambda claims: {k: v + seconds if k in names else v for k, v in claims.items()})


def _without(name: str) -> Lie:
    return _claims(lambda claims: {k: v for k, v in claims.items() if k != name})


def _wrong_key(service: StandIn) -> None:
    service.signing_key = ec_key(9) if service.algorithm == "ES256" else rsa_key(9)


def _own_key_in_header(service: StandIn) -> None:
    _wrong_key(service)
    chain = {"x5c": ["AAAA"], "jku": "https://elsewhere.test/certs"}
    service.change_header = lambda header: {**header, **chain}


def _algorithm(name: str) -> Lie:
    def tell(service: StandIn) -> None:
        service.change_header = lambda header: {**header, "alg": name}

    return tell


def _unsigned(token: str) -> str:
    header = b64encode(b'{"alg":"none"}')
    return f"{header}.{token.split('.')[1]}."


def _keyed_by_public_key(service: StandIn) -> None:
    """The old confusion: an HMAC whose key is the public key."""
    service.change_token = lambda token: sign_jws({"alg": "HS256"}, {"iss": service.issuer}, ec_key(), "ES256")


# Name, lie, and the code of the verdict's error; what no one can connect to is told in the tests of the caller.
LIES: tuple[tuple[str, Lie, str], ...] = (
    ("wrong key", _wrong_key, "service_lying"),
    ("wrong key that the header brings", _own_key_in_header, "service_lying"),
    ("no signature", _token(_unsigned), "service_lying"),
    ("the public key as a secret", _keyed_by_public_key, "service_lying"),
    ("another algorithm", _algorithm("ES512"), "service_lying"),
    ("expired", _shifted(-2 * 86_400), "service_lying"),
    ("hours old", _shifted(-2 * HOUR_S), "service_lying"),
    ("of the future", _shifted(HOUR_S), "service_lying"),
    ("made to hold for days", _claims(lambda claims: {**claims, "exp": claims["iat"] + 5 * 86_400}), "service_lying"),
    ("no end", _without("exp"), "service_lying"),
    ("no beginning", _without("iat"), "service_lying"),
    ("no token", _reply(Reply.text("")), "service_lying"),
    ("a page", _reply(Reply.text("<!doctype html><title>Sign in</title>")), "service_lying"),
    ("huge", _reply(Reply.text("a" * (MAX_ANSWER_BYTES + 1))), "service_lying"),
    ("a redirect", _reply(Reply(302, b"", {"location": "http://elsewhere.test/"})), "service_lying"),
    ("packed", _reply(Reply(200, b"a.b.c", {"content-encoding": "gzip"})), "service_lying"),
    ("not allowed", _reply(Reply.text("who are you", 401)), "service_refused"),
    ("an internal error", _reply(Reply.text("An internal error occured: \n0: evaluate", 500)), "service_refused"),
    ("busy", _reply(Reply.text("busy", 503)), "service_unavailable"),
    ("too many", _reply(Reply.text("slow down", 429)), "service_unavailable"),
    ("its gateway", _reply(Reply.text("<html>502</html>", 502)), "service_unavailable"),
    (
        "a problem that passes",
        _reply(Reply.json({"code": "AS.OVERLOADED", "retryable": True}, 500)),
        "service_unavailable",
    ),
)

# For services whose tokens name an issuer or an audience.
NAMES: tuple[tuple[str, str], ...] = (("another issuer", "iss"), ("another audience", "aud"))


def misname(service: StandIn, claim: str) -> None:
    service.change_claims = lambda claims: {**claims, claim: "urn:somebody:else"}


def replay(service: StandIn, token: str) -> None:
    """Let a service give the genuine token of another question."""
    service.change_token = lambda _: token
