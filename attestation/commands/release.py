"""`python -m attestation release`: reference releases, from a machine's measurements to a signed manifest.

`key` and `sign` belong on the computer that keeps the release key, which never serves anybody and needs no network.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from attestation.archive import MAX_FILE_BYTES, read_limited
from attestation.encoding import b64decode, b64encode
from attestation.errors import ConfigurationError, MalformedError
from attestation.key_files import read_private_key, write_private_key
from attestation.printing import printable, write_time
from attestation.reference_values import parse_release, parse_version, sign_manifest
from attestation.release_drafts import join_drafts, measured_in, parse_draft, with_registers

DEFAULT_DAYS = 180
SOON_DAYS = 30
_SECONDS_OF_A_DAY = 86400
_STATIC = "static/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may be given."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, (function, summary, add) in _ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        add(action)
        action.set_defaults(act=function)


def run(options: argparse.Namespace) -> bool:
    """Do one thing, say what was done, and return whether all of it holds."""
    act: Callable[[argparse.Namespace], bool] = options.act
    return act(options)


def _make_key(options: argparse.Namespace) -> bool:
    key = Ed25519PrivateKey.generate()
    write_private_key(options.file, key)
    print(f"{options.file} is the private key: keep it on a computer that serves nobody, and a copy in a safe.")
    print(f"CONFCHAT_RELEASE_KEY={b64encode(key.public_key().public_bytes_raw())}")
    return True


def _build(options: argparse.Namespace) -> bool:
    drafts = [_draft(path, options) for path in options.drafts]
    parse_version(options.version)
    manifest = join_drafts(drafts, version=options.version, now=options.clock(), days=options.days)
    path = options.out / f"{options.version}.json"
    _write_new(path, manifest)
    print("\n".join(_describe(parse_draft(manifest), now=options.clock())))
    print(f"Written to {path}. It counts nowhere until it is signed: python -m attestation release sign {path} --key …")
    return True


def _sign(options: argparse.Namespace) -> bool:
    manifest = read_limited(options.manifest, most=MAX_FILE_BYTES)
    members = parse_draft(manifest)
    if options.manifest.name != f"{members['version']}.json":
        raise ConfigurationError(f"{options.manifest} says that it is release {members['version']}")
    key = read_private_key(options.key)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{options.key} holds no Ed25519 key")
    print("\n".join(_describe(members, now=options.clock())))
    path = options.manifest.with_suffix(".sig")
    _write_new(path, b64encode(sign_manifest(manifest, key)).encode("ascii") + b"\n")
    print(f"Signed: {path}, by the key {b64encode(key.public_key().public_bytes_raw())}")
    return True


def _show(options: argparse.Namespace) -> bool:
    manifest = read_limited(options.manifest, most=MAX_FILE_BYTES)
    members, now = parse_draft(manifest), options.clock()
    print("\n".join(_describe(members, now=now)))
    differing = [] if options.made_in is None else list(_differing(members["files"], options.made_in))
    for name in differing:
        print(f"DIFFERS: {printable(name)} is not as it was made in {options.made_in}")
    if options.release_key is None:
        print("NOT CHECKED: give --release-key to see whether the right key signed it.")
        return False
    signature = b64decode(
        read_limited(options.manifest.with_suffix(".sig"), most=MAX_FILE_BYTES).decode("ascii", "replace").strip()
    )
    parse_release(manifest, signature, release_key=options.release_key)
    print("It is signed by this release key.")
    return not differing and bool(members["issued_at"] <= now.timestamp() <= members["expires_at"])


def _differing(files: Mapping[str, str], root: Path) -> Iterator[str]:
    """Yield what browsers load by a manifest, or by a copy of the program, and not the same by both."""
    made = {path.relative_to(root).as_posix() for path in (root / _STATIC).rglob("*") if path.is_file()}
    for name in sorted({name for name in files if name.startswith(_STATIC)} | made):
        path = root / name
        if not path.is_file() or files.get(name) != hashlib.sha256(path.read_bytes()).hexdigest():
            yield name


def _draft(path: Path, options: argparse.Namespace) -> bytes:
    """Read a draft, with a quote's measurements, or some registers, in place of its own."""
    draft = parse_draft(read_limited(path, most=MAX_FILE_BYTES))
    measured: list[Any] = draft["measurements"]
    if options.quote is not None:
        quote = read_limited(options.quote, most=MAX_FILE_BYTES)
        measured = [measured_in(quote, rtmr3_is_open=True)]
    changes = dict(options.register or ())
    return json.dumps({**draft, "measurements": [with_registers(each, changes) for each in measured]}).encode()


def _describe(members: dict[str, Any], *, now: datetime) -> Iterator[str]:
    """Say what whoever signs a manifest says by it."""
    yield f"Release {printable(members['version'])} for {'hardware' if members['platform'] == 'tdx' else 'simulators'}"
    issued, expires = (datetime.fromtimestamp(members[name], UTC) for name in ("issued_at", "expires_at"))
    days = (members["expires_at"] - int(now.timestamp())) // _SECONDS_OF_A_DAY
    ends = "it has expired" if days < 0 else f"{days} days are left" + (": renew it" if days < SOON_DAYS else "")
    yield f"  in force from {write_time(issued)} until {write_time(expires)}; {ends}"
    for number, measured in enumerate(members["measurements"], start=1):
        yield f"  machine {number}"
        for name, value in measured.items():
            yield f"    {name:<16}{'what the event log explains' if value is None else value}"
    for name, value in members.items():
        if name == "files":
            yield f"  {len(value)} files of the program"
        elif isinstance(value, list) and name != "measurements":
            yield from (f"  {name}: {printable(json.dumps(item, ensure_ascii=False))}" for item in value)


def _write_new(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise ConfigurationError(f"{path} is there already: a release is never changed") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def _register(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError("NAME=HEX is expected, such as rtmr1=… or rtmr3=log")
    return name, value


def _release_key(text: str) -> bytes:
    try:
        return b64decode(text, size=32)
    except MalformedError as error:
        raise argparse.ArgumentTypeError(f"{error}: 32 bytes in base64url are expected") from error


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 3650:
        raise argparse.ArgumentTypeError("1 to 3650 days")
    return int(text)


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="where the private key is written, for its owner alone")


def _add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "drafts", type=Path, nargs="+", metavar="DRAFT", help="what `manage.py release` wrote on each kind of machine"
    )
    parser.add_argument("--version", required=True, metavar="MAJOR.MINOR.PATCH")
    parser.add_argument(
        "--days", type=_days, default=DEFAULT_DAYS, metavar="N", help="how long it counts (%(default)s)"
    )
    parser.add_argument("--quote", type=Path, metavar="FILE", help="take the measurements from this quote instead")
    parser.add_argument(
        "--register", type=_register, action="append", metavar="NAME=HEX", help="take a value from the build instead"
    )
    parser.add_argument("--out", type=Path, default=Path(), metavar="DIRECTORY")


def _add_sign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifest", type=Path, metavar="VERSION.json")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the private key, from `release key`")


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifest", type=Path, metavar="VERSION.json", help="its signature is VERSION.sig beside it")
    parser.add_argument("--release-key", type=_release_key, metavar="B64", help="the key that should have signed it")
    parser.add_argument(
        "--made-in", type=Path, metavar="DIRECTORY", help="your own copy of the program: are the page's files the same?"
    )


_ACTIONS = {
    "key": (_make_key, "make a release key", _add_key),
    "build": (_build, "join drafts of one program into a manifest", _add_build),
    "sign": (_sign, "sign a manifest, where the release key is", _add_sign),
    "show": (_show, "say what a manifest says, and whether it is signed", _add_show),
}
