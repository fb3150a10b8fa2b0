"""The rest of the demo's support case, told as it happens: both sides write, and the ticket is solved."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from bridge.wording import say as worded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.demo_helpdesks import DemoHelpdesk
    from bridge.twins.jelou import JelouTwin
    from bridge.twins.ledger import Conversation

STEP_S = 20.0
"""How long one step may take; all of them together take about two seconds."""

REPLY = "Hola, soy Marta de soporte. ¿Qué mensaje ve al entrar?"
ANSWERS = ("Dice que mi usuario está bloqueado.", "Y hoy tengo que facturar.")
GOODBYE = "Su usuario está activo otra vez. Gracias por escribirnos."
"""The account's own: the bridge says it when the ticket is solved."""


@dataclass
class Case:
    """An agent, a customer and the ticket between them. ``tell`` prints who, and what happens to them."""

    helpdesk: DemoHelpdesk
    jelou: JelouTwin
    ticket: str
    tell: Callable[[str, str], None]
    package: str = field(default="", init=False)

    async def play(self) -> bool:
        """Whether each step came to its end; the first that does not is told, and ends it."""
        steps = (self._agent_replies, self._customer_answers, self._agent_solves, self._packed_up)
        for step in steps:
            if not await step():
                return False
        return True

    async def exactly_once(self) -> bool:
        """Whether nothing was lost and nothing came twice, on either side, in the end."""
        packages = await self._packages()
        written = [text for text in await self.helpdesk.written(self.ticket) if text not in packages]
        answers = [text for text in written if any(one in text for one in ANSWERS)]
        return self._heard() == [REPLY, GOODBYE] and len(answers) == 1 and len(packages) == 1

    # -- the steps ----------------------------------------------------------------------------------------------------

    async def _agent_replies(self) -> bool:
        self.tell("agent", f"writes on the ticket: {REPLY}")
        await self.helpdesk.agent_writes(self.ticket, REPLY)
        return await self._until("customer", "reads it in the chat", self._has_reply)

    async def _customer_answers(self) -> bool:
        for text in ANSWERS:
            self.tell("customer", f"answers: {text}")
            self.jelou.customer_writes(self._conversation.user_id, text)
        return await self._until("agent", "finds both answers on the ticket, as one update", self._has_answers)

    async def _agent_solves(self) -> bool:
        self.tell("agent", "solves the ticket")
        await self.helpdesk.agent_solves(self.ticket)
        return await self._until("customer", f"reads: {GOODBYE}", self._is_closed)

    async def _packed_up(self) -> bool:
        self.tell("jelou", "the conversation is closed")
        return await self._until("agent", "finds on the ticket how it went", self._has_package)

    # -- what has come of them ----------------------------------------------------------------------------------------

    @property
    def _conversation(self) -> Conversation:
        ledger = self.jelou.ledger
        return ledger.conversations[ledger.by_ticket(self.ticket)[0].conversation_id]

    def _heard(self) -> list[str]:
        return [one.content.get("body", "") for one in self._conversation.messages if one.by == "bridge"]

    async def _has_reply(self) -> bool:
        return REPLY in self._heard()

    async def _has_answers(self) -> bool:
        return any("\n".join(ANSWERS) in text for text in await self.helpdesk.written(self.ticket))

    async def _is_closed(self) -> bool:
        return self._conversation.state == "closed" and GOODBYE in self._heard()

    async def _packages(self) -> list[str]:
        return [note for note in await self.helpdesk.notes(self.ticket) if worded("en", "package") in note]

    async def _has_package(self) -> bool:
        self.package = next(iter(await self._packages()), "")
        return bool(self.package)

    async def _until(self, who: str, what: str, holds: Callable[[], Awaitable[bool]]) -> bool:
        begun = monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STEP_S):
                while not await holds():
                    await asyncio.sleep(0.05)
                self.tell(who, f"{what} ({monotonic() - begun:.1f} s later)")
                return True
        self.tell(who, f"waits in vain for {STEP_S:.0f} s: {what}")
        return False
