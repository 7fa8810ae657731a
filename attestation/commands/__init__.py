"""The commands of `python -m attestation`, a module each; `attestation.__main__` imports the one that is asked for."""
