"""How each ticket of the data came to stand where it stands. Its name says where that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.correlate import contact_key
from bridge.domain import (
    Attachment,
    CustomerWrote,
    Doubted,
    EndAsked,
    StartAnswered,
    StartSent,
)
from bridge.gates import caller_gate
from bridge.helpdesks import REGISTRY
from bridge.links import Link
from tests.data.history import given_up, kept_beside, of_nobody, past
from tests.data.peers import (
    DENIED,
    DIES_AFTER,
    DIES_BEFORE,
    ERROR,
    LOST,
    THROTTLED,
    UNREACHED,
    WINDOW,
)
from tests.data.stand import WORKER
from tests.data.tickets import JELOU, OPENS, PUT, READ_JELOU, Tickets

if TYPE_CHECKING:
    from tests.data.stand import Stand


async def played(on: Stand) -> None:
    """All of them, the oldest first; what a worker's death has left comes last, within its lease."""
    tickets = Tickets(on)
    on.paced(10_000, 60_000)
    on.store.generations.worker = WORKER
    await on.pass_ms(0)
    await on.store.generations.tick()
    for scene in (*HISTORY, *NOW):
        await scene(tickets)
    await on.store.generations.tick()
    on.peers.fates.clear()


async def unasked(the: Tickets) -> None:
    """A worker dies when it has opened a ticket for one."""
    await the.handed_over("unasked-sent", "593987009004", "soporte")
    await the.on.pass_ms(2_000)
    the.on.peers.fates.append((OPENS, "593987009004", DIES_AFTER))
    await the.on.die()


async def talking(the: Tickets) -> None:
    """Open conversations with something to say."""
    on = the.on
    await the.live("open-says", "open-said", "open-wanted", "open-asked", "open-partial", "open-words-sent")
    await the.live("open-merging", "open-fuse")
    await the.wrote("open-words-sent")
    await on.work()
    await on.pass_ms(3_000)
    await the.dies("open-words-sent", PUT, DIES_BEFORE)
    the.fails("open-says", "send", UNREACHED)
    await the.replied("open-says", "uno")
    await the.replied("open-says", "y dos")
    the.fails("open-wanted", "send", WINDOW)
    the.fails("open-wanted", "hsm", UNREACHED)
    await the.replied("open-wanted")
    the.fails("open-asked", "send", WINDOW)
    await the.replied("open-asked")
    the.fails("open-partial", "comments.json", UNREACHED)
    on.paper(the.refs["open-partial"]).comments.append({"id": 555, "body": "entero", "public": True})
    await the.replied("open-partial", "ent", partial=True, comment_id="555")
    for word in ("uno", "y dos"):
        await the.wrote("open-merging", word)
    for number in range(4):
        await the.replied("open-fuse", "Respuesta automática", comment_id=f"fuse-{number}")
        await on.work()
        await the.wrote("open-fuse", "Respuesta automática")
        await on.work()
    await the.replied("open-said")
    await the.dies("open-said", "send", DIES_AFTER)


async def writing(the: Tickets) -> None:
    """Write-backs that are owed, one of them out perhaps."""
    for name, fate in (("open-todos", UNREACHED), ("open-note-sent", DIES_AFTER)):
        await the.worked(name)
        await the.on.start_event(the.chat(name))
        the.fails(name, PUT, fate)
        await (the.on.die() if fate == DIES_AFTER else the.on.work())


async def ending(the: Tickets) -> None:
    """Conversations on the way to their end."""
    on = the.on
    await the.live("open-ending", "open-closing", "closed-package", "closed-unpackaged")
    the.fails("open-ending", READ_JELOU, UNREACHED)
    await the.solved("open-ending")
    for name in ("closed-package", "closed-unpackaged"):
        await the.replied(name)
    await on.work()
    # The status is written, and then the package is not.
    the.fails("closed-package", PUT, "")
    the.fails("closed-package", PUT, UNREACHED)
    await on.close_event(the.chat("closed-package"))
    await on.work()
    await on.close_event(the.chat("closed-unpackaged"))
    await the.dies("closed-unpackaged", PUT, DIES_BEFORE)
    await the.solved("open-closing")
    await the.dies("open-closing", "close", DIES_AFTER)


async def starting(the: Tickets) -> None:
    """Starts that are to be made, and that nobody knows of."""
    await the.worked("started")
    await the.starts("new-backoff", UNREACHED)
    await the.starts("unknown", ERROR)
    await the.starts("unknown-worked", LOST)
    await the.starts("unknown-told", LOST)
    for name, fate in (("again-unknown", LOST), ("again-told", LOST), ("again-new", UNREACHED)):
        await the.on.proven(JELOU)
        the.fails(name, "start", fate)
        await the.reopened(name)
        await the.on.work()
    await the.worked("held", "paused")


async def refused_for_now(the: Tickets) -> None:
    """Projects that are not called just now."""
    await the.starts("new-throttled", THROTTLED, account="ventas")
    await the.worked("new-broken", "ventas")
    await the.starts("new-denied", DENIED, account="cobros")
    await the.worked("new-behind-denied", "cobros")


async def dying(the: Tickets) -> None:
    """Starts that a worker was at when it died, and one that waits for such a start."""
    for name, fate in (
        ("starting", DIES_BEFORE),
        ("starting-worked", DIES_AFTER),
        ("starting-told", DIES_AFTER),
        ("starting-answered", DIES_AFTER),
        ("starting-refused", DIES_BEFORE),
        ("behind-first", DIES_AFTER),
    ):
        await the.opened(name)
        await the.dies(name, "start", fate)
    await the.worked("behind-second", like="behind-first")


async def accepted(the: Tickets) -> None:
    """What has come, and no worker has seen yet: events of each class, and evidence of each."""
    on = the.on
    await the.live("open-inbox", "open-doubted", "open-end-asked", "open-closed-told", "open-reopened")
    await the.closed("closed-reopened")
    await the.opened("new")
    await the.opened("new-asked")
    picture = Attachment("https://files.example.com/a.png", "a.png", "image/png", 1000)
    await the.replied("open-inbox", "<b>Hola</b>", markup="html", attachments=(picture,))
    at = (f"room-of-{the.chat('open-inbox').id}", "bot-1", the.users["open-inbox"], on.now)
    content = {"url": "https://files.example.com/b.png", "caption": "mire"}
    wrote = CustomerWrote("soporte", "message:m-image", the.chat("open-inbox").id, *at, "m-image", "image", content)
    await on.hear(wrote)
    await the.replied("open-inbox", "privado", public=False)
    await the.solved("open-reopened")
    await the.reopened("open-reopened")
    await the.reopened("closed-reopened")
    await on.close_event(the.chat("open-closed-told"))
    for name in ("unknown-told", "again-told", "starting-told"):
        await on.start_event(the.chat(name))
    await on.testify(the.refs["open-doubted"], Doubted(the.chat("open-doubted").id))
    await on.testify(the.refs["open-end-asked"], EndAsked(the.chat("open-end-asked").id))
    await testimonies(the)
    await the.handed_over("unasked-waits", "593987009005", "soporte")
    on.jobs.clear()


async def testimonies(the: Tickets) -> None:
    """What workers told of starts when they had lost the tickets."""
    claims = {}
    for name in ("starting-answered", "starting-refused"):
        text = await the.on.redis.hget(f"{the.on.prefix}:link:{the.refs[name]}", "state")
        claims[name] = Link.load(text).claim
    contact = contact_key("soporte", "bot-1", the.users["starting-answered"])
    answered = StartAnswered(claims["starting-answered"], the.chat("starting-answered").id)
    await the.on.testify(the.refs["starting-answered"], answered, contact)
    refused = StartAnswered(claims["starting-refused"], "", "no connection to the host")
    await the.on.testify(the.refs["starting-refused"], refused)
    sent = StartSent("f" * 32, 1, "bot-1", the.users["new-asked"])
    await the.on.testify(the.refs["new-asked"], sent)


async def waiting_for_pace(the: Tickets) -> None:
    """Starts that wait for their turn at the pace that Jelou allows, and a look that waits for it at the helpdesk."""
    the.on.jobs.clear()
    the.on.paced()
    for name in ("new-paced-1", "new-paced-2", "new-paced-3"):
        await the.opened(name, "again")
    await the.on.work()
    caller, account = "reconciler:zendesk/acme", the.on.app.bridge.helpdesks["zendesk"]["acme"]
    gate = caller_gate(REGISTRY["zendesk"], account, "zendesk/acme", caller)
    while (await the.on.store.rounds.pass_gate(caller, gate, ())).verdict == "go":
        pass


HISTORY = (past, given_up, of_nobody, kept_beside)
NOW = (talking, unasked, writing, ending, starting, refused_for_now, dying, accepted, waiting_for_pace)
