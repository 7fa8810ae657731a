"""Refusals at start-up: what would make the badge a lie stops the server, with a sentence."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured

from attestation import publication
from attestation.errors import ConfigurationError
from attestation.services.service import NAME as EMBEDDED
from attestation.watch.channels import parse_secret
from confchat.collateral import named_source, verifies_tls
from confchat.page_files import read_page_files
from confchat.traps import Trap, find_traps


@register("confchat")
def check_settings(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse settings that contradict each other or the product's promises."""
    return [
        *_check_origins(),
        *_check_model_endpoint(),
        *_check_engine(),
        *_check_simulator(),
        *_check_policy(),
        *_check_verifiers(),
        *_check_release_key(),
        *_check_collateral(),
        *_check_watch(),
        *check_machine(find_traps()),
        *_check_key_broker(),
        *_check_accounts(),
        *_check_page_files(),
    ]


@register("confchat", deploy=True)
def check_deployment(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse, for deployment, what is unsafe on purpose."""
    unsafe = {
        "CONFCHAT_DEVELOPMENT": settings.CONFCHAT_DEVELOPMENT,
        "CONFCHAT_UNSAFE_REMOTE_MODEL": settings.CONFCHAT_UNSAFE_REMOTE_MODEL,
        "CONFCHAT_UNSAFE_PCCS_TLS": settings.CONFCHAT_UNSAFE_PCCS_TLS,
        "CONFCHAT_UNSAFE_KBS_HTTP": settings.CONFCHAT_UNSAFE_KBS_HTTP,
    }
    return [
        Error(f"{name}=1 is not for a deployment: it gives up what the badge promises.", id="confchat.E005")
        for name, is_set in unsafe.items()
        if is_set
    ]


def check_machine(traps: Iterable[Trap]) -> list[CheckMessage]:
    """Refuse a machine that would carry prompts away; in development, only say so."""
    return [
        Error(trap.sentence, hint=trap.remedy, id="confchat.E018")
        if trap.is_refused and not settings.CONFCHAT_DEVELOPMENT
        else Warning(trap.sentence, hint=trap.remedy, id="confchat.W006")
        for trap in traps
    ]


def is_loopback(url: str) -> bool:
    """Say whether a URL's host is this machine itself."""
    host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_origins() -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    for origin in settings.CONFCHAT_ORIGINS:
        parts = urlsplit(origin)
        default_port = {"http": 80, "https": 443}.get(parts.scheme)
        is_serialised = origin.isascii() and origin == f"{parts.scheme}://{parts.netloc}".lower()
        if default_port is None or not is_serialised or parts.port == default_port:
            problems.append(
                Error(
                    f"CONFCHAT_ORIGINS: {origin!r} is not an origin.",
                    hint="As browsers write it: https://chat.example, lower case, no default port, no path.",
                    id="confchat.E001",
                )
            )
        elif parts.scheme == "http" and not is_loopback(origin):
            problems.append(
                Error(
                    f"CONFCHAT_ORIGINS: {origin} is plain http on another machine; browsers refuse cryptography there.",
                    hint="Put TLS in front and use https.",
                    id="confchat.E002",
                )
            )
    return problems


def _check_key_broker() -> list[CheckMessage]:
    if not settings.CONFCHAT_UNSAFE_KBS_HTTP:
        return []
    return [
        Warning(
            "CONFCHAT_UNSAFE_KBS_HTTP=1: key brokers are asked without TLS, anybody may play one.", id="confchat.W005"
        )
    ]


def model_host() -> str:
    """Return the address at which the model answers, as its setting has it; empty for the embedded model."""
    is_ollama = settings.CONFCHAT_ENGINE == "ollama"
    host: str = settings.CONFCHAT_OLLAMA_HOST if is_ollama else settings.CONFCHAT_ENGINE_URL
    return host


def _check_model_endpoint() -> list[CheckMessage]:
    name = "OLLAMA_HOST" if settings.CONFCHAT_ENGINE == "ollama" else "CONFCHAT_ENGINE_URL"
    host = model_host()
    if not host or is_loopback(host):
        return []
    if settings.CONFCHAT_UNSAFE_REMOTE_MODEL:
        return [Warning(f"{name} {host} is outside this machine: prompts leave it.", id="confchat.W001")]
    return [
        Error(
            f"{name} {host} is outside this machine: prompts would leave the confidential VM.",
            hint="Serve it in the same VM; CONFCHAT_UNSAFE_REMOTE_MODEL=1 allows it, and no badge is green then.",
            id="confchat.E003",
        )
    ]


def _check_engine() -> list[CheckMessage]:
    if settings.CONFCHAT_ENGINE == "ollama":
        return []
    parts = urlsplit(settings.CONFCHAT_ENGINE_URL)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return [
            Error(
                f"CONFCHAT_ENGINE={settings.CONFCHAT_ENGINE} needs its address in CONFCHAT_ENGINE_URL.",
                hint="http://127.0.0.1:8000 or https://service.example; a token goes into CONFCHAT_ENGINE_TOKEN.",
                id="confchat.E015",
            )
        ]
    if not is_loopback(settings.CONFCHAT_ENGINE_URL):
        return _check_transport(parts.scheme)
    files = settings.CONFCHAT_MODEL_FILES
    if files is None or not files.exists():
        return [
            Error(
                "CONFCHAT_MODEL_FILES does not name what the engine in this machine serves: nothing could be measured.",
                hint="The GGUF file or the directory that the engine was started with.",
                id="confchat.E016",
            )
        ]
    return []


def _check_transport(scheme: str) -> list[CheckMessage]:
    if scheme == "https":
        return []
    return [
        Error(
            "CONFCHAT_ENGINE_URL is plain http on another machine: anybody on the way reads every prompt.",
            id="confchat.E017",
        )
    ]


def _check_simulator() -> list[CheckMessage]:
    if settings.CONFCHAT_TDX != "simulator" or settings.CONFCHAT_DEVELOPMENT:
        return []
    return [
        Error(
            "CONFCHAT_TDX=simulator needs CONFCHAT_DEVELOPMENT=1: simulated evidence protects nobody.",
            id="confchat.E004",
        )
    ]


def _check_policy() -> list[CheckMessage]:
    try:
        policy = publication.policy()
    except ConfigurationError as error:
        return [Error(f"CONFCHAT_POLICY: {error}.", id="confchat.E010")]
    if settings.CONFCHAT_DEVELOPMENT or "simulator" not in policy.release_platforms:
        return []
    return [
        Error(
            f"CONFCHAT_POLICY: the policy {policy.id} counts releases of simulators, which only development may.",
            id="confchat.E011",
        )
    ]


def _check_verifiers() -> list[CheckMessage]:
    """Refuse attestation services that are not described, or not told apart."""
    try:
        names = publication.verifier_names()
        described = [publication.verifier_description(name) for name in names if name != EMBEDDED]
    except ConfigurationError as error:
        return [Error(f"CONFCHAT_VERIFIERS_DIR: {error}.", id="confchat.E012")]
    problems: list[CheckMessage] = [
        Error(
            f"The attestation service {each.token.name} is asked without TLS: {each.url}.",
            hint="Its answers are signed, but anybody on the way learns of every conversation that begins.",
            id="confchat.E013",
        )
        for each in described
        if each.url.startswith("http:") and not is_loopback(each.url)
    ]
    pins = [pin for each in described for pin in each.token.pins()]
    if len(pins) != len(set(pins)):
        problems.append(
            Error("Two attestation services have the same key: one opinion, counted twice.", id="confchat.E014")
        )
    return problems


def _check_release_key() -> list[CheckMessage]:
    if settings.CONFCHAT_RELEASE_KEY or settings.CONFCHAT_DEVELOPMENT:
        return []
    return [
        Warning(
            "CONFCHAT_RELEASE_KEY is not set: no reference release is known, so nothing will be affirmed.",
            id="confchat.W002",
        )
    ]


def _check_collateral() -> list[CheckMessage]:
    try:
        source = named_source()
    except ConfigurationError as error:
        return [Error(f"{error}.", hint="CONFCHAT_PCCS_URL stands before this file.", id="confchat.E006")]
    if source.use_secure_cert:
        return []
    if verifies_tls(source):
        return [
            Warning(
                f"{settings.CONFCHAT_QCNL_FILE} says use_secure_cert false, which is not followed: TLS is verified.",
                hint="CONFCHAT_UNSAFE_PCCS_TLS=1 follows it.",
                id="confchat.W003",
            )
        ]
    return [Warning(f"The certificate of {source.url} is not verified.", id="confchat.W004")]


def _check_watch() -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if settings.CONFCHAT_WATCH_MAIL_TO and not settings.EMAIL_HOST:
        problems.append(Error("CONFCHAT_WATCH_MAIL_TO needs CONFCHAT_MAIL_HOST.", id="confchat.E007"))
    address = settings.CONFCHAT_WATCH_WEBHOOK
    if address and urlsplit(address).scheme != "https" and not is_loopback(address):
        problems.append(Error("CONFCHAT_WATCH_WEBHOOK is not an https address.", id="confchat.E008"))
    if address:
        try:
            parse_secret(settings.CONFCHAT_WATCH_WEBHOOK_SECRET)
        except ConfigurationError as error:
            hint = "CONFCHAT_WATCH_WEBHOOK_SECRET=$(openssl rand -base64 32)"
            problems.append(Error(f"CONFCHAT_WATCH_WEBHOOK_SECRET: {error}.", hint=hint, id="confchat.E009"))
    return problems


def _check_accounts() -> list[CheckMessage]:
    if settings.CONFCHAT_SIGNUP == "open" and not settings.CONFCHAT_SENDS_MAIL:
        return [Error("CONFCHAT_SIGNUP=open needs CONFCHAT_MAIL_HOST: addresses are verified.", id="confchat.E020")]
    return []


def _check_page_files() -> list[CheckMessage]:
    """Refuse to serve what was made of other sources than those that lie here."""
    static = settings.BASE_DIR / "static"
    try:
        changed = next(read_page_files(static).changed_sources(static), None)
    except ImproperlyConfigured as error:
        return [Error(f"{error}.", id="confchat.E021")]
    if changed is None:
        return []
    return [
        Error(
            f"static/{changed} has changed since the page's files were made of it.",
            hint="`make install` makes them anew; so does `npm run page`, where everything else is installed.",
            id="confchat.E021",
        )
    ]
