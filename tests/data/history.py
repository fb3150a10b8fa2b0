"""What is long past in the data: conversations that ended, what was given up, what is kept beside the tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from bridge.desk import Desk
from bridge.domain import ConversationClosed, Delivery
from bridge.forgetting import Forgetting
from bridge.missed import Window
from bridge.reconciling import Reconciler
from bridge.silence import Silence
from bridge.unread import unread
from tests.data.peers import ERROR, REFUSED, UNREACHED, Chat
from tests.data.tickets import OPENS, PUT

if TYPE_CHECKING:
    from tests.data.tickets import Tickets

DAY_MS = 86_400_000


async def past(the: Tickets) -> None:
    """Conversations that ended, and those that have been open for a while."""
    on = the.on
    await the.closed("closed", "reopened", "again-unknown", "again-new", "again-told")
    await the.live("closed-talk", "open", "open-extra", "gone")
    await the.wrote("closed-talk")
    await the.replied("closed-talk")
    await on.pass_ms(4_000)
    await on.work()
    await on.close_event(the.chat("closed-talk"))
    extra = on.peers.chats["c900"] = Chat("c900", the.users["open-extra"], the.chat("open-extra").metadata)
    await on.start_event(extra)
    extra.closed = True
    del on.peers.papers["acme/gone"]
    await the.wrote("gone")
    await on.work()
    await on.pass_ms(4_000)
    await on.work()
    await the.reopened("reopened")
    await on.work()
    await on.start_event(the.chat("reopened"))
    await on.work()


async def given_up(the: Tickets) -> None:
    """What waits for a person, and what nothing was to be done for."""
    await the.worked("ignored", priority="low")
    await the.worked("heard", by_bridge=True)
    await the.worked("failed", phone="")
    await the.starts("refused", REFUSED)
    await the.starts("parked", ERROR)
    await the.starts("new-frozen", *[ERROR, *[UNREACHED] * 20], account="again")
    await the.live("buried-say", "buried-event")
    the.fails("buried-say", "send", REFUSED)
    await the.replied("buried-say")
    the.fails("buried-event", "comments.json", REFUSED)
    await the.replied("buried-event", partial=True)
    await the.worked("buried-note")
    the.fails("buried-note", PUT, REFUSED)
    await the.on.start_event(the.chat("buried-note"))
    await the.on.work()
    await the.on.pass_ms(21_000)
    await the.on.work()


async def of_nobody(the: Tickets) -> None:
    """Conversations that no ticket asked for, and an event that names none."""
    await the.handed_over("o1", "593987009001", "ventas")
    at = ("bot-1", "593987009002", the.on.now)
    await the.on.hear(ConversationClosed("ventas", "conversation.close:o2", "", "", *at))
    the.on.peers.fates.append((OPENS, "593987009003", REFUSED))
    await the.handed_over("unasked-buried", "593987009003", "soporte")
    await the.on.pass_ms(2_000)
    await the.on.work()


async def kept_beside(the: Tickets) -> None:
    """What is kept beside the tickets: decisions, looks, secrets, silence, what was forgotten and what was unread."""
    on, store = the.on, the.on.store
    desk = Desk(store.records, on.app.bridge, on.wake, lambda: on.now, "ana")
    await the.starts("discarded", REFUSED)
    await on.work()
    for letter in (await desk.dead_letters()).items:
        if letter.ticket.endswith("/discarded"):
            await desk.discard(letter, "a test ticket")
    await the.closed("forgotten")
    forgetting = Forgetting(store, on.app.bridge)
    await forgetting.forget(await forgetting.whom(ticket="acme/forgotten"))
    window = Window(on.now - 600_000, on.now - 900_000, on.now - 10_000, "cursor-2")
    await store.rounds.note_window("zendesk/acme", window.dump())
    await store.rounds.note_window("zendesk/again", Window(on.now - 60_000).dump())
    await Reconciler(on.app, "zendesk/acme", on.now - 600_000).all(1)
    await store.rotations.hand_over("ventas", "new-secret", ["secret"], on.now, DAY_MS)
    await store.rounds.note_silent({"zendesk/ventas": orjson.dumps(Silence(on.now - DAY_MS, 12))}, [])
    delivery = Delivery("zendesk/acme", "POST", "https://bridge.example.com/", {}, {}, b"{broken \xff", on.now)
    await store.unread.keep(unread(delivery, "delivery-unread", "body: is not JSON", set()), 24)
    await store.pause("zendesk/paused", str(on.now))
