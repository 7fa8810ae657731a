"""Following somebody's log: nothing that it serves is believed, only hashed and compared with what it signed.

Knows no network: `get` returns what stands at a path below the log's prefix, and raises `UnavailableError`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import quote

from attestation.errors import AppraisalError, MalformedError
from attestation.log.checkpoint import Checkpoint, VerifierKey, split_note, verify_checkpoint
from attestation.log.cosignature import Cosignature, find_cosignature
from attestation.log.merkle import hash_leaf, hash_leaves, verify_consistency
from attestation.log.tiles import WIDTH, Tile, TiledTree, split_bundle, split_hashes, tiles_of

Get = Callable[[str], bytes]
# (bundles of entries done, of how many)
Tell = Callable[[int, int], None]


def fetch_checkpoint(get: Get, key: VerifierKey) -> Checkpoint:
    """Return the log's newest checkpoint, signed by its key.

    Raises:
        MalformedError: no signed note of a checkpoint.
        AppraisalError: of another log, or not signed by this key (`log_differs`).
    """
    return verify_checkpoint(_text(get("checkpoint")), origin=key.name, public_key=key.key)


def verify_growth(get: Get, seen: Checkpoint | None, now: Checkpoint) -> None:
    """Check that a log only grew since it was seen, and that its newest tiles are those it signed.

    Raises:
        AppraisalError: it did not (`log_differs`).
    """
    tree = TiledTree(now.size, _hashes_from(get))
    if seen is not None and now.size < seen.size:
        raise AppraisalError("log_differs", f"The log had {seen.size} entries before and has {now.size} now.")
    if seen is not None:
        proof = tree.prove_consistency(seen.size)
        verify_consistency(old_size=seen.size, old_root=seen.root, new_size=now.size, new_root=now.root, proof=proof)
    if tree.root() != now.root:
        raise AppraisalError("log_differs", "The log's tree is not the one that it signed.")


def verify_witnessed(
    get: Get, key: VerifierKey, witness: VerifierKey, latest: Checkpoint, *, now: datetime
) -> tuple[Checkpoint, Cosignature]:
    """Return the newest checkpoint that a witness cosigned, of which the latest one is a continuation.

    Raises:
        UnavailableError: the site shows none.
        MalformedError: what it shows is no signed note of a checkpoint.
        AppraisalError: not signed by the log (`log_differs`) or by the witness (`not_cosigned`), or the latest
            checkpoint does not continue it (`log_differs`).
    """
    note = _text(get(f"witnessed?by={quote(witness.name, safe='')}"))
    seen = verify_checkpoint(note, origin=key.name, public_key=key.key)
    text, marks = split_note(note)
    cosignature = find_cosignature(text, marks, witness, now=now)
    if cosignature is None:
        raise AppraisalError("not_cosigned", f"The site shows no cosignature of {witness.name}.")
    verify_growth(get, seen, latest)
    return seen, cosignature


def audit(get: Get, now: Checkpoint, *, tell: Tell) -> None:
    """Read every entry and compute the root anew.

    Raises:
        AppraisalError: entries were changed, removed or put in another order; it names them where it can
            (`log_differs`).
    """
    fetch = _hashes_from(get)
    bundles = list(tiles_of(now.size, level=None))
    upper: list[bytes] = []
    rest: list[bytes] = []
    for done, bundle in enumerate(bundles):
        tell(done, len(bundles))
        rest = _read_leaves(get, bundle)
        _compare(rest, fetch(0, bundle.index, bundle.width), first=bundle.index * WIDTH)
        if bundle.width == WIDTH:
            upper.append(hash_leaves(rest))
    tell(len(bundles), len(bundles))
    levels = [rest, upper]
    while len(levels[-1]) >= WIDTH:
        below = levels[-1]
        full = len(below) // WIDTH
        levels.append([hash_leaves(below[at * WIDTH : (at + 1) * WIDTH]) for at in range(full)])
    _compare_upper(levels, fetch)

    def computed(level: int, index: int, width: int) -> Sequence[bytes]:
        # Below, only the last tile is kept, and only that one is asked for: full tiles have their hash above.
        return rest if level == 0 else levels[level][index * WIDTH : index * WIDTH + width]

    if TiledTree(now.size, computed).root() != now.root:
        raise AppraisalError("log_differs", "The log's entries are not those that it signed.")


def _text(note: bytes) -> str:
    try:
        return note.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("the checkpoint is not UTF-8") from error


def _read_leaves(get: Get, bundle: Tile) -> list[bytes]:
    try:
        return [hash_leaf(entry) for entry in split_bundle(get(f"tile/{bundle.path}"), count=bundle.width)]
    except MalformedError as error:
        first = bundle.index * WIDTH
        last = first + bundle.width - 1
        raise AppraisalError("log_differs", f"Among the entries {first} to {last}, some are missing.") from error


def _compare(leaves: Sequence[bytes], hashes: Sequence[bytes], *, first: int) -> None:
    differing = [first + at for at, pair in enumerate(zip(leaves, hashes, strict=True)) if pair[0] != pair[1]]
    if differing:
        named = ", ".join(map(str, differing[:5])) + (" and others" if len(differing) > 5 else "")
        raise AppraisalError("log_differs", f"The log's entries {named} are not those that its tree was made of.")


def _compare_upper(levels: Sequence[Sequence[bytes]], fetch: Callable[[int, int, int], Sequence[bytes]]) -> None:
    for level, computed in enumerate(levels[1:], start=1):
        for start in range(0, len(computed), WIDTH):
            part = computed[start : start + WIDTH]
            for at, pair in enumerate(zip(part, fetch(level, start // WIDTH, len(part)), strict=True)):
                if pair[0] != pair[1]:
                    span = WIDTH**level
                    first = (start + at) * span
                    raise AppraisalError(
                        "log_differs", f"Among the entries {first} to {first + span - 1}, some were changed."
                    )


def _hashes_from(get: Get) -> Callable[[int, int, int], Sequence[bytes]]:
    def fetch(level: int, index: int, width: int) -> Sequence[bytes]:
        try:
            return split_hashes(get(f"tile/{Tile(level, index, width).path}"), count=width)
        except MalformedError as error:
            detail = f"Tile {index} of level {level} of the log's tree lacks hashes."
            raise AppraisalError("log_differs", detail) from error

    return fetch
