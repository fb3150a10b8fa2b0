"""Jelou's answers: the envelope of a success and of every refusal.

The external support pages show the success envelope and a schema of the error; wording, codes and the list form of
``message`` come from a sibling endpoint (message history) or are made up for lack of any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.twins.answers import Answer, RefusedError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of refusal. ``texts`` is False where the message maps are empty, as in the schema."""

    status: int
    message: str
    code: str
    key: str
    description: str
    texts: bool = True


CREDENTIALS = Failure(
    401, "Invalid or missing credentials", "E0401", "UNAUTHORIZED", "Credentials missing or wrong", texts=False
)
BOT = Failure(404, "Bot not found", "E1019", "BOT_NOT_FOUND", "No bot with that id")
USER = Failure(404, "User not found", "E1000", "USER_NOT_FOUND", "No end user with that id")
BOT_OR_USER = Failure(404, "Bot or user not found", "E1019", "BOT_NOT_FOUND", "No bot with that id")
CONVERSATION = Failure(
    404, "Conversation not found", "E1001", "CONVERSATION_NOT_FOUND", "No conversation with that id in this project"
)
VALUES = Failure(422, "Values are not valid", "E0422", "VALIDATOR_ERROR", "A field is missing or malformed")
UPDATE = Failure(400, "Values are not valid", "E0422", "VALIDATOR_ERROR", "A field is missing or malformed")
UNEXPECTED = Failure(500, "Unexpected error", "E0000", "UNKNOWN_ERROR", "Unexpected failure on the Jelou side")

# No page says how these are refused; status, wording, code and key are made up.
INTEGRATION = Failure(404, "Integration not found", "E1002", "INTEGRATION_NOT_FOUND", "No integration for this project")
INTEGRATION_EXISTS = Failure(
    422, "Integration already exists", "E1003", "INTEGRATION_EXISTS", "This project has an integration"
)
ACTIVE = Failure(
    422,
    "Conversation already active",
    "E1004",
    "CONVERSATION_ALREADY_ACTIVE",
    "This user has an active conversation with this bot",
)
SIGNATURE = Failure(500, "Invalid signature", "E0403", "INVALID_SIGNATURE", "The signature is not of this body")
WINDOW = Failure(
    422,
    "Re-engagement message: over 24 hours have passed",
    "131047",
    "WINDOW_CLOSED",
    "The 24-hour window is closed",
)

BY_STATUS: dict[int, Failure] = {401: CREDENTIALS, 404: BOT, 400: UPDATE, 422: VALUES}
"""The refusal that a fault with this status is dressed in; any other status is unexpected."""


def success(message: str, data: Json | None = None) -> Json:
    """Compose the envelope of a success; without ``data`` where there is none."""
    envelope: Json = {"message": [message], "statusMessage": "success", "status": 1}
    return envelope if data is None else {**envelope, "data": data}


def failed(failure: Failure, problems: Json | None = None) -> Json:
    """Compose the envelope of a refusal; ``problems`` maps a field to what is wrong with it."""
    texts = {"es": failure.description, "en": failure.description} if failure.texts else {}
    envelope: Json = {
        "message": [failure.message],
        "statusMessage": "failed",
        "status": 0,
        "error": {
            "code": failure.code,
            "key": failure.key,
            "description": failure.description,
            "developerMessages": texts,
            "clientMessages": texts,
        },
    }
    if problems is not None or not failure.texts:
        envelope["validationError"] = problems or {}
    return envelope


def refusal(failure: Failure, problems: Json | None = None, status: int = 0) -> RefusedError:
    """Make the error that refuses a request; ``status`` stands in for the usual one."""
    return RefusedError(Answer(status or failure.status, failed(failure, problems)))


def failure_of(status: int) -> Answer:
    """Make the answer with which Jelou would say this status."""
    return Answer(status, failed(BY_STATUS.get(status, UNEXPECTED)))
