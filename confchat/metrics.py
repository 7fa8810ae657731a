"""Figures for operators, in Prometheus' form; counts and times only, nothing of anybody's words or name."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

ATTESTATIONS = Counter(
    "confchat_attestations", "Attestations by the server's own outcome.", ["outcome"], registry=REGISTRY
)
HANDSHAKE_SECONDS = Histogram(
    "confchat_handshake_seconds",
    "From a request for evidence to its recorded verdict.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    registry=REGISTRY,
)
OPENINGS = Counter("confchat_session_openings", "Openings of sessions by result.", ["result"], registry=REGISTRY)
ANSWERS = Counter("confchat_answers", "Answers by the reason of their end.", ["reason"], registry=REGISTRY)
RETRIEVALS = Counter(
    "confchat_retrievals",
    "Questions about long documents where a model makes vectors: by words and meaning, or by words alone.",
    ["by"],
    registry=REGISTRY,
)
SOCKETS = Gauge("confchat_open_sockets", "Sockets that are open now.", registry=REGISTRY)
COLLATERAL_AGE_SECONDS = Gauge(
    "confchat_collateral_age_seconds", "Age of the oldest collateral in use; -1 before the first.", registry=REGISTRY
)
COLLATERAL_EXPIRES = Gauge(
    "confchat_collateral_expires_timestamp_seconds",
    "When the first part of the collateral in use ends; 0 before the first.",
    registry=REGISTRY,
)
CONCERNS = Gauge(
    "confchat_watch_concerns", "What the watch says is the matter now, by its kind.", ["kind"], registry=REGISTRY
)
LAST_LOOK = Gauge(
    "confchat_watch_last_look_timestamp_seconds", "When the watch last looked; 0 before the first.", registry=REGISTRY
)
