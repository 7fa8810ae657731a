"""A key broker for development and tests, written from Trustee's documentation: it verifies, and lies when it is told.

Its attestation service is the product's own verifier, its KMS a dictionary. It protects nothing.
"""

from __future__ import annotations

from attestation.kbs.devbroker.application import create_application
from attestation.kbs.devbroker.broker import DevBroker
from attestation.kbs.devbroker.files import SecretFiles
from attestation.kbs.devbroker.lies import LIES, Lie
from attestation.kbs.devbroker.rules import affirming, affirming_only

__all__ = ["LIES", "DevBroker", "Lie", "SecretFiles", "affirming", "affirming_only", "create_application"]
