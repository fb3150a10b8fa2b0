"""A signed ticket becomes a conversation, its start event finds the ticket, the note is on the ticket."""

from __future__ import annotations

from tests.harness import scene


async def test_a_zendesk_ticket_gets_its_conversation_and_its_note(redis_url: str, prefix: str) -> None:
    """The whole line, forward and back, with everything it leaves on both sides."""
    async with scene(redis_url, prefix) as on:
        ticket = on.zendesk.open_ticket("No puedo entrar", "+593 98 765 4321", tags=["vip"])
        told = await on.until_phase(str(ticket.id), "open", kind="zendesk", account="acme")
        start = on.jelou.ledger.by_ticket(str(ticket.id))[0]
        print(told)
        assert start.user_id == "593987654321"
        [note] = on.zendesk.notes(ticket.id)
        assert told["conversation"] in note
        assert "VIP" in note
        assert on.zendesk.desk.ticket(ticket.id).external_id == told["conversation"]
        assert "jelou" in on.zendesk.desk.ticket(ticket.id).tags


async def test_a_scripted_ticket_gets_its_conversation(redis_url: str, prefix: str) -> None:
    """A scripted sender is answered 202 with the delivery's id; the same delivery again gets the same answer."""
    async with scene(redis_url, prefix) as on:
        status, first = await on.scripted("T/1", subject="Hola")
        again_status, again = await on.scripted("T/1", subject="Hola")
        assert (status, first["status"]) == (202, "accepted")
        assert (again_status, again) == (202, {"delivery": first["delivery"], "status": "duplicate"})
        await on.until_phase("T%2F1", "open")
        assert len(on.jelou.ledger.by_ticket("T/1")) == 1
