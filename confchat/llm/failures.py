"""What a model server's errors mean to the user. Its own words are never passed on: they may quote a prompt."""

from __future__ import annotations

import re

from confchat.errors import ModelError

IN_ANSWER = -1  # no HTTP status: the error came in the middle of an answer
_MISSING_STATUS = 404
_BUSY_STATUS = 503
_BAD_REQUEST_STATUS = 400
_SERVER_ERROR_STATUS = 500

# What Ollama says (server/routes.go, server/sched.go, llm/), what it means, and whether trying again may help.
_MEANINGS: tuple[tuple[re.Pattern[str], str, str, bool], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), code, text, retry)
    for pattern, code, text, retry in (
        ("maximum pending requests|server busy", "model_busy", "The model has too much to do right now.", True),
        ("more system memory|out of memory", "model_failed", "The model needs more memory than is free.", True),
        ("runner process|runner has|no longer running", "model_failed", "The model's own process ended.", True),
        ("context (size|length|window)|input length", "model_failed", "The conversation is too long for it.", False),
        ("option .* must be of type", "model_failed", "The model server refused the request.", False),
        ("does not support thinking", "model_failed", "The model was replaced by one that does not think.", True),
        ("does not support chat", "model_failed", "The model does not chat.", False),
    )
)


def pull_failed(words: str) -> ModelError:
    """Return what it means that a model could not be fetched; the server's words are not passed on."""
    if re.search(r"file does not exist|not found|manifest unknown", words, re.IGNORECASE):
        return ModelError("model_unknown", "The registry has no model of that name.")
    if re.search(r"no space left", words, re.IGNORECASE):
        return ModelError("no_space", "The disk is full.")
    return ModelError("pull_failed", "The model server could not fetch it.", retry=True)


def missing(name: str) -> ModelError:
    """Return the error for a model that is not installed."""
    return ModelError("model_missing", f"The model {name} is not installed. To install it: ollama pull {name}")


def not_a_name() -> ModelError:
    """Return the error for what cannot be the name of a model."""
    return ModelError("model_missing", "There is no model of that name: it is not a name that Ollama allows.")


def not_served(name: str) -> ModelError:
    """Return the error for a model that a server other than Ollama does not offer."""
    return ModelError("model_missing", f"The model {name} is not served there.")


def fetches_nothing() -> ModelError:
    """Return the error for a server that serves only what it was started with."""
    return ModelError("unsupported", "This model server serves only what it was started with.")


def outside(name: str) -> ModelError:
    """Return the error for a model that another machine would run."""
    return ModelError("model_missing", f"The model {name} runs outside this machine: it would be sent every prompt.")


def unreachable() -> ModelError:
    """Return the error for a model server that does not answer, or breaks off."""
    return ModelError("model_unavailable", "The model server cannot be reached.", retry=True)


def too_slow() -> ModelError:
    """Return the error for a model server that did not answer within the time limit."""
    return ModelError("model_unavailable", "The model server did not answer in time.", retry=True)


def not_understood() -> ModelError:
    """Return the error for an answer that is not of the form of its API."""
    return ModelError("model_failed", "The model server's answer was not understood.", retry=True)


def refused(name: str, *, status: int, words: str) -> ModelError:
    """Return what an error of the server means; `status` may be `IN_ANSWER`."""
    if status == _MISSING_STATUS:
        return missing(name)
    for pattern, code, text, retry in _MEANINGS:
        if pattern.search(words):
            return ModelError(code, text, retry=retry)
    if status == _BUSY_STATUS:
        return ModelError("model_busy", "The model has too much to do right now.", retry=True)
    if status == _BAD_REQUEST_STATUS:
        return ModelError("model_failed", "The model server refused the request.")
    if 0 < status < _SERVER_ERROR_STATUS:
        return ModelError("model_unavailable", "The model server turned the request away.", retry=True)
    return ModelError("model_failed", "The model broke off with an error.", retry=True)
