"""`manage.py kbs_devserver`: a key broker for development, which judges this installation's machine and can lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation import publication, this_machine
from attestation.errors import AttestationError, ConfigurationError
from attestation.kbs import ProtocolVersion, parse_resource_uri
from attestation.kbs.devbroker import LIES, DevBroker, SecretFiles, affirming, affirming_only, create_application
from attestation.kbs.devbroker.serving import serve
from attestation.services import AttestationService, utc_now
from confchat.checks import is_loopback
from confchat.collateral import build_collateral_cache
from confchat.policy import build_trust

PROTOCOLS: dict[str, tuple[ProtocolVersion, ...]] = {
    "both": ("0.4.0", "0.1.0"),
    "0.4.0": ("0.4.0",),
    "0.1.0": ("0.1.0",),
}


class Command(BaseCommand):
    """Play the broker."""

    help = (
        "Play a Trustee key broker on this computer, for development: it verifies evidence by this installation's "
        "policy and releases with the product's own verifier, and gives the files of a directory as secrets."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where it listens, what it has, what it allows, and how it lies."""
        parser.add_argument("--listen", default="127.0.0.1:8090", metavar="HOST:PORT", help="where (%(default)s)")
        parser.add_argument(
            "--secrets", type=Path, metavar="DIR", help="a file for each secret (broker in the data directory)"
        )
        parser.add_argument(
            "--protocol", choices=sorted(PROTOCOLS), default="both", help="what it speaks (%(default)s)"
        )
        parser.add_argument(
            "--allow", action="append", metavar="kbs:///…", help="give only these to an affirmed machine, not any"
        )
        parser.add_argument("--lie", choices=sorted(LIES), metavar="NAME", help="tell one lie: " + ", ".join(LIES))
        parser.add_argument("--tls-certificate", type=Path, metavar="PEM", help="the certificate chain it shows")
        parser.add_argument("--tls-key", type=Path, metavar="PEM", help="its private key")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until a signal ends it."""
        if not settings.CONFCHAT_DEVELOPMENT:
            raise CommandError("this broker protects nothing: it is for CONFCHAT_DEVELOPMENT=1 alone")
        host, _, port = options["listen"].rpartition(":")
        directory: Path = options["secrets"] or settings.CONFCHAT_DATA_DIR / "broker"
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lie = LIES[options["lie"]] if options["lie"] else None
        try:
            _require_local(host, port, has_tls=options["tls_certificate"] is not None)
            broker = self._broker(options, SecretFiles(directory))
            self.stdout.write(f"Key broker for development on {options['listen']}, {', '.join(broker.protocols)}")
            self.stdout.write(f"Secrets: {directory} ({', '.join(broker.secrets) or 'none yet'})")
            if lie is not None:
                self.stdout.write(f"It lies: {lie.words}. A client says {lie.code} to it.")
            self.stdout.flush()
            serve(
                create_application(broker, change=None if lie is None else lie.change),
                host=host.strip("[]"),
                port=int(port),
                certificate=options["tls_certificate"],
                key=options["tls_key"],
            )
        except AttestationError as error:
            raise CommandError(str(error)) from error

    def _broker(self, options: dict[str, Any], secrets: SecretFiles) -> DevBroker:
        allowed = [parse_resource_uri(text) for text in options["allow"] or ()]
        paths = {f"{uri.repository}/{uri.type}/{uri.tag}" for uri in allowed}
        return DevBroker(
            build_service(),
            secrets=secrets,
            policy=affirming_only(paths) if paths else affirming,
            protocols=PROTOCOLS[options["protocol"]],
            say=self._say,
        )

    def _say(self, line: str) -> None:
        self.stdout.write(f"{utc_now():%H:%M:%S} {line}")
        self.stdout.flush()


def build_service() -> AttestationService:
    """Return a verifier by this installation's policy, releases and lists, with a key of its own."""
    directory = this_machine.simulator_directory()
    root_file = None if directory is None else directory / "root.der"
    root = None if root_file is None or not root_file.exists() else root_file.read_bytes()
    trust = build_trust(root)
    return AttestationService(
        key=generate_private_key(SECP256R1()),
        policy=publication.policy(),
        trust=trust,
        releases=publication.releases(),
        collateral=build_collateral_cache(trust, is_simulated=root is not None),
        simulator_root=root,
        clock=utc_now,
    )


def _require_local(host: str, port: str, *, has_tls: bool) -> None:
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError("the address to listen on is not of the form HOST:PORT")
    if not is_loopback(f"http://{host}") and not has_tls:
        raise ConfigurationError("without --tls-certificate and --tls-key it serves this computer alone (127.0.0.1)")
