"""The interfaces of a TDX guest, one class for each, behind the protocols that `attestation.attester` asks."""
