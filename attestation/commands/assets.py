"""`python -m attestation assets`: compare what a server serves to browsers with the release that it proves to run.

The signed manifest lists the page's files with their digests. Where they are served is learnt from the login page,
which is what a browser is told: everything that page names must be a file of the release.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

from attestation.commands.attest import Attestation, add_question, attest
from attestation.errors import MalformedError, UnavailableError
from attestation.offline import read_releases
from attestation.printing import Progress, printable
from attestation.reference_values import ReferenceRelease
from attestation.report import SIMULATED, ending, missing_arguments, result_members
from attestation.site import Site

LOGIN_PAGE = "/accounts/login/"

_STATIC = "static/"
_NAMING = frozenset({"href", "src", "data", "data-icons", "data-marks"})
_LOADED_ONLY = frozenset({"base", "body", "embed", "iframe", "img", "link", "object", "script", "source", "use"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a server serves beside what its release lists; `differences` are sentences, none where all is equal."""

    found: Attestation
    release: ReferenceRelease | None
    compared: int
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the server is green, its release signed by a known key, and every file the release's."""
        return self.found.result.outcome == "affirming" and self.compared > 0 and not self.differences


class _Page(HTMLParser):
    """What a page loads, and the scripts that stand in the page itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.named: set[str] = set()
        self.inline_scripts = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _LOADED_ONLY:
            self.named |= {value for name, value in attrs if name in _NAMING and value}
        if tag == "script" and not dict(attrs).get("src"):
            self.inline_scripts += 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may be given."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    add_question(parser)


def run(options: argparse.Namespace) -> bool:
    """Attest the server, fetch every file of its release, say what differs, and return whether nothing does."""
    with Site(options.url) as site:
        comparison = compare(site, attest(site, options))
    if options.json:
        print(json.dumps(to_members(comparison), ensure_ascii=False, indent=2))
    else:
        print("\n".join(to_lines(comparison)))
    return comparison.holds


def compare(site: Site, found: Attestation) -> Comparison:
    """Compare every file that the release lists for browsers, and everything that the login page names.

    Raises:
        UnavailableError: the login page cannot be had.
    """
    release = _release_of(found)
    if release is None:
        reason = "no signed release is known here that could be compared with: --release-key names who signs them"
        return Comparison(found=found, release=None, compared=0, differences=(reason,))
    listed = {name.removeprefix(_STATIC): digest for name, digest in release.files.items() if name.startswith(_STATIC)}
    page = _read_page(site)
    prefix = find_prefix(page.named, listed)
    if prefix is None:
        reason = "The login page names no file of the release: what a browser would load is not known."
        return Comparison(found=found, release=release, compared=0, differences=(reason,))
    differences = (*_differences_of_page(page, prefix, listed), *_differences_of_files(site, prefix, listed))
    return Comparison(found=found, release=release, compared=len(listed), differences=differences)


def find_prefix(named: set[str], listed: Mapping[str, str]) -> str | None:
    """Return the path below which a page's files lie, the build id in it included; None where it names none of them."""
    paths = [_path_of(reference) for reference in named]
    prefixes = Counter(path.removesuffix(name) for path in paths for name in listed if path.endswith(f"/{name}"))
    # A file in a directory may end like one above it: the prefix that most names have in common is the one.
    return max(sorted(prefixes), key=prefixes.__getitem__, default=None)


def to_members(comparison: Comparison) -> dict[str, object]:
    """Return a comparison as members of a JSON object."""
    release = comparison.release
    return {
        "holds": comparison.holds,
        "origin": comparison.found.origin,
        "release": None if release is None else {"version": release.version, "digest": release.digest.hex()},
        "compared": comparison.compared,
        "differences": list(comparison.differences),
        "attestation": result_members(comparison.found.result),
    }


def to_lines(comparison: Comparison) -> Iterator[str]:
    """Say what was found."""
    found, release = comparison.found, comparison.release
    yield f"Asked {found.origin}; record {printable(found.answer.record)}"
    if found.result.simulated:
        yield SIMULATED
    yield from ending(found.result, missing_arguments(found.anchors, {}))
    yield ""
    if release is not None:
        yield f"Release {release.version}, sha256:{release.digest.hex()}"
    yield from (f" ✗ {printable(difference)}" for difference in comparison.differences)
    if comparison.compared and not comparison.differences:
        yield f" ✓ All {comparison.compared} files that the release lists for browsers are served as it lists them."
    yield "The pages themselves are written anew for each request: their text is not compared, only what they load."
    yield "What was served now, to this computer, need not be what is served to others, or later."


def _release_of(found: Attestation) -> ReferenceRelease | None:
    """Return the release that the statement binds, where a known key signed it."""
    statement = found.result.statement
    for item in read_releases(found.releases, found.anchors):
        if isinstance(item, ReferenceRelease) and statement is not None and item.digest == statement.release_digest:
            return item
    return None


def _path_of(reference: str) -> str:
    """Return the path of a reference to this very server, nothing where it leads elsewhere or nowhere."""
    try:
        address = urlsplit(reference)
    except ValueError:
        return ""
    return "" if address.scheme or address.netloc else address.path


def _read_page(site: Site) -> _Page:
    try:
        return _Page(site.get(LOGIN_PAGE).decode())
    except UnicodeDecodeError as error:
        raise MalformedError("the login page is not UTF-8") from error


def _differences_of_page(page: _Page, prefix: str, listed: Mapping[str, str]) -> Iterator[str]:
    if page.inline_scripts:
        yield "The login page holds a script of its own, which no release lists."
    for reference in sorted(page.named):
        path = _path_of(reference)
        if not path.startswith(prefix) or path.removeprefix(prefix) not in listed:
            yield f"The login page loads {reference}, which is no file of the release."


def _differences_of_files(site: Site, prefix: str, listed: Mapping[str, str]) -> Iterator[str]:
    progress = Progress("Comparing files")
    for number, (name, digest) in enumerate(sorted(listed.items()), 1):
        try:
            served = hashlib.sha256(site.get(prefix + name)).hexdigest()
            if served != digest:
                yield f"{_STATIC}{name} is served with another content: {served} instead of {digest}."
        except UnavailableError as error:
            yield f"{_STATIC}{name} is not served: {error}."
        progress.show(number, len(listed))
    progress.close()
