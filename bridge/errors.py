"""The errors of the bridge.

Each answers three questions: what do we return to a sender (``status``), may we try again (``again``), and are we
certain that nothing happened (``certain``).

::

    BridgeError
    ├── Rejected               a request we do not take            status   (never a 5xx)
    │   ├── SignatureRejected  not signed by who it claims to be   401
    │   ├── UnknownSender      no such kind, account or project    404
    │   ├── Unreadable         not JSON, or not the agreed shape   400
    │   ├── TooLarge           body over the limit                 413
    │   ├── WrongContentType   not a JSON body, oddly packed       415
    │   ├── NotThere           no such letter, orphan or ticket    404
    │   ├── Changed            not any more as it was shown        409
    │   └── TooManyFailures    wrong tokens, again and again       429     ``retry_after_s``
    ├── StoreUnavailable       Redis cannot take it now            503
    │   └── UnusableRedis      it runs in cluster mode, or is too old
    ├── StoreRefused           Redis refuses a step of ours: a fault of the bridge
    ├── Overloaded             too many bytes under way            503
    ├── ConfigError            the configuration is not usable
    ├── Unstartable            a ticket that no start can be made for (its reason is for an agent to read)
    │   └── Unreachable        it tells no usable id of its customer
    ├── LeaseLost              this worker no longer holds the ticket; it writes nothing more
    └── CallError              a call did not do what was asked    again    certain
        ├── NotSent            no byte left                        yes      yes
        ├── Throttled          429, or 503 that says when          yes      yes     ``retry_after_s``
        ├── Conflict           another change at the same moment   yes      yes     this ticket alone waits
        ├── Denied             401, 403: the credential            yes      yes     after a person repaired it
        ├── Gone               the ticket is closed for good       no       yes
        ├── Refused            any other 4xx: as it stands, never  no       yes
        │   ├── UserNotFound
        │   ├── BotNotFound
        │   ├── WindowClosed   over 24 hours since the customer wrote: WhatsApp takes a template alone
        │   └── AlreadyClosed  the conversation has ended meanwhile
        └── Ambiguous          sent, and no answer that tells      no       no      time-out, reset, 5xx, unreadable 2xx
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bridge.refusals import Reason

FAULT: Final = "made the bridge fail: a fault of the bridge, please report it"
PLACES_MOST: Final = 8


class BridgeError(Exception):
    """The root: what the bridge itself raises."""


class Rejected(BridgeError):
    """A delivery or a question that is not taken. Its text names a field at most, never a value of the body."""

    status = 400


class SignatureRejected(Rejected):
    """The delivery is not proven to come from its sender. The text is for our log; the sender is told nothing."""

    status = 401

    def __init__(self, text: str, reason: Reason = Reason.WRONG_SIGNATURE) -> None:
        super().__init__(text)
        self.reason = reason


class UnknownSender(Rejected):
    """No such helpdesk kind, account or project is configured."""

    status = 404


class Unreadable(Rejected):
    """A verified body that is not what the sender's documentation says. ``field`` names where."""

    status = 400

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
        self.delivery = ""
        """The id under which it is kept for ``bridge simulate``, empty where it is not."""


class TooLarge(Rejected):
    """The body is over the limit."""

    status = 413


class WrongContentType(Rejected):
    """The body is not declared as JSON, or is packed in a way that we do not unpack."""

    status = 415


class NotThere(Rejected):
    """There is no such dead letter, orphan or account; the text says what became of it, where that is known."""

    status = 404


class Changed(Rejected):
    """It is not any more as the person saw it, or a worker has it just now: look again."""

    status = 409


class TooManyFailures(Rejected):
    """Wrong tokens came from there again and again. Nothing of it is looked at until ``retry_after_s`` have passed."""

    status = 429

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many wrong tokens")
        self.retry_after_s = retry_after_s


class StoreUnavailable(BridgeError):
    """Redis could not be reached or could not take the write within the time we give it.

    ``transient``: it may pass by itself within seconds. Else nothing changes until a person does something.
    """

    status = 503
    retry_after_s = 30

    def __init__(self, reason: str = "", *, transient: bool = True) -> None:
        super().__init__(reason)
        self.transient = transient


class UnusableRedis(StoreUnavailable):
    """A Redis that the bridge can never use. A process that finds it at its start ends with this line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, transient=False)


class StoreRefused(BridgeError):
    """Redis answered a step with an error that no other moment would change: a fault of the bridge, or of its rights.

    The text is ours: a code, and the line of a script.
    """


class Overloaded(BridgeError):
    """The bodies under way fill the memory that this process has for them. It is over in seconds."""

    status = 503
    retry_after_s = 5


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake of the configuration. ``line`` is 0 where there is none, ``key`` empty for the file as a whole."""

    path: str
    line: int
    key: str
    problem: str
    fix: str

    def __str__(self) -> str:
        """``bridge.yaml:12: jelou.soporte.bot: unknown key; did you mean bot_id?``; never the value of a secret."""
        where = f"{self.path}:{self.line}" if self.line else self.path
        what = f"{self.problem}; {self.fix}" if self.fix else self.problem
        return ": ".join(part for part in (where, self.key, what) if part)


class ConfigError(BridgeError):
    """The configuration cannot be used; the text names key, line and fix, one mistake per line."""

    def __init__(self, text: str = "", mistakes: tuple[Mistake, ...] = ()) -> None:
        super().__init__(text or "\n".join(map(str, mistakes)))
        self.mistakes = mistakes


class Unstartable(BridgeError):
    """No conversation can be started for this ticket as it is. The text tells an agent why and what to do."""


class Unreachable(Unstartable):
    """The ticket tells no usable id of its customer; ``fields`` are those that were looked into."""

    def __init__(self, what: str, fields: str) -> None:
        super().__init__(f"the ticket has no {what} in {fields}")
        self.fields = fields


class Unidentified(Unreachable):
    """The same where an id that is no phone number would do as well."""


class LeaseLost(BridgeError):
    """The ticket is no longer held by this claim. Nothing was sent and nothing may be written."""


class CallError(BridgeError):
    """A call did not do what was asked. The text holds no value of a body."""

    again = False
    certain = True

    def __init__(self, reason: str, *, status: int = 0, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.retry_after_s = retry_after_s


class NotSent(CallError):
    """Nothing left this machine: no connection, no name, or the lease had ended."""

    again = True


class Throttled(CallError):
    """The other side asks us to wait ``retry_after_s`` (0 where it does not say how long)."""

    again = True


class Conflict(CallError):
    """Somebody else changed the ticket at the same moment. Nothing was written; the next try will be."""

    again = True


class Denied(CallError):
    """The credential is refused. Every call with it will be, until a person repairs it."""

    again = True


class Gone(CallError):
    """The ticket takes no more writes: closed for good, merged or deleted."""


class Refused(CallError):
    """The request is understood and refused; sending the same again cannot help."""


class UserNotFound(Refused):
    """Jelou knows no such end user."""


class BotNotFound(Refused):
    """Jelou knows no such bot."""


class WindowClosed(Refused):
    """The customer last wrote more than 24 hours ago: WhatsApp takes an approved template from us, and nothing else."""


class AlreadyClosed(Refused):
    """The conversation has ended meanwhile."""


class Ambiguous(CallError):
    """The bytes went out and no answer tells what became of them."""

    certain = False


def places(error: Exception) -> list[str]:
    """Where it was raised, innermost last: files and lines."""
    found, trace = [], error.__traceback__
    while trace:
        found.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found[-PLACES_MOST:]
