"""What can go wrong with an encrypted model, sorted by what the caller does next. Every text is a sentence for people.

VaultError
├── SourceError        name another source, destination or option
├── KeyRefusedError    use another key: too weak, or of a form that gocryptfs would read otherwise
├── WrongKeyError      ask the owner: this key does not open this directory
├── UnsupportedError   encrypt it anew: not the parameters that are read here
├── DamagedError       fetch it again: it is not what was encrypted, by accident or on purpose
├── OtherModelError    ask the owner which is meant: it is his, and not the one that was named
└── StorageError       try again later: a disk, a store or a program does not do what it should
"""

from __future__ import annotations


class VaultError(Exception):
    """Base of every error this package raises on purpose; its text names files, never keys or contents."""

    code = "vault"


class SourceError(VaultError):
    """What was named cannot be taken."""

    code = "source"


class KeyRefusedError(VaultError):
    """A key that must not be used."""

    code = "key_refused"


class WrongKeyError(VaultError):
    """The key does not open this directory."""

    code = "wrong_key"


class UnsupportedError(VaultError):
    """An encrypted directory of another kind."""

    code = "unsupported"


class DamagedError(VaultError):
    """Not what was encrypted."""

    code = "damaged"


class OtherModelError(VaultError):
    """A genuine model of the owner, but another than the one that was named: an older one, say."""

    code = "other_model"


class StorageError(VaultError):
    """A disk, a store or a program failed."""

    code = "storage"
