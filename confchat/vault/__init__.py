"""Encrypted model directories: gocryptfs' format, their signed manifests, and the way to other machines and back.

Knows no chat and no Django; who may have a key, and what is done with an open model, is decided elsewhere.
"""
