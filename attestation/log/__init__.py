"""The transparency log in C2SP's formats: what happened here can be read by anybody and taken back by nobody.

Pure: `merkle`, `tiles`, `checkpoint`, `leaves`, `proof`. Its key: `key`, `signer`. In the database: `store`, `entries`.
"""
