"""What earlier versions stored (``tests/data``) is worked by this one: what was due is done once, nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

import tests.data
from bridge.desk import Desk
from bridge.domain import Phase
from bridge.hearing import told_of
from bridge.links import Link
from bridge.lost import LostAndFound
from bridge.missed import Window
from bridge.trace import trace_of
from tests.data import keys
from tests.data.__main__ import NOW_MS, write_once
from tests.data.changes import Change, changed, narrowed, widened
from tests.data.ends import ENDS, LATER, LETTERS, ORPHANS, SAID_AGAIN, End
from tests.data.peers import Chat, Peers
from tests.data.scenes import played
from tests.data.stand import Stand

if TYPE_CHECKING:
    from redis.asyncio import Redis

FILES = sorted(Path(tests.data.__file__).parent.glob("*.json"))
CHANGES: dict[Change, str] = {lambda told: told: "as it is", widened: "more", narrowed: "less"}
CASES = [(file, change) for file in FILES for change in CHANGES if file == FILES[0] or CHANGES[change] == "as it is"]
"""Each file as it is, and what more or less of everything would do once."""
each_file = pytest.mark.parametrize(
    ("file", "change"), CASES, ids=[f"{file.stem}-{CHANGES[change]}" for file, change in CASES]
)
HOURS_MS = 7_200_000
SWEEP_MS = 1_000


def read(file: Path) -> dict[str, Any]:
    """What the file holds."""
    return dict(orjson.loads(file.read_bytes()))


async def loaded(file: Path, redis: Redis, prefix: str, change: Change = lambda told: told) -> Stand:
    """A bridge on what the file holds, at the time it was stored, with the other sides as they were."""
    told = read(file)
    await keys.loaded(redis, prefix, changed(told["keys"], change))
    on = Stand(redis, prefix, told["now"], Peers.load(told["peers"]), first=100_000)
    await on.pass_ms(0)
    return on


async def worked(on: Stand) -> None:
    """Two hours of a worker, from one due time to the next."""
    until = on.now + HOURS_MS
    while on.now < until:
        await on.work()
        due = await on.next_due_in_ms()
        if due is None:
            return
        # A lane that a dead worker had awake is looked at by the sweep.
        await on.pass_ms(due or SWEEP_MS)


async def to_the_end(on: Stand) -> None:
    """Everything is worked, an account is resumed, and the customers write whom a template has asked to."""
    await worked(on)
    on.jobs += await on.store.resume("zendesk/paused")
    for chat in list(on.peers.chats.values()):
        if chat.ticket.endswith(("/open-asked", "/open-wanted")):
            await on.customer(chat, SAID_AGAIN)
    await worked(on)


async def end_of(on: Stand, name: str) -> End:
    """What became of the ticket."""
    ticket = f"zendesk/{name}"
    link = Link.load(await on.redis.hget(f"{on.prefix}:link:{ticket}", "state") or b"")
    chats, paper = on.peers.chats_of(ticket), on.peers.papers.get(name)
    # Of a deleted ticket the note on its start was seen.
    comments: list[dict[str, Any]] = paper.comments if paper else [{"public": False}]
    lane = await on.redis.hget(f"{on.prefix}:link:{ticket}", "lane")
    return End(
        phase=link.phase.value,
        chats=len(chats),
        notes=sum(not one["public"] for one in comments),
        heard=tuple(text for chat in chats for _, text in chat.heard),
        written=tuple(_shown(one["body"]) for one in comments if one["public"]),
        status=paper.status if paper else "open",
        left=await _left(on, ticket) + len(link.says) + len(link.todo),
        due=await on.redis.zscore(f"{on.prefix}:lane:{lane.decode()}", ticket) is not None,
    )


async def _left(on: Stand, ticket: str) -> int:
    return int(
        await on.redis.llen(f"{on.prefix}:inbox:{ticket}") + await on.redis.llen(f"{on.prefix}:evidence:{ticket}")
    )


def _shown(body: str) -> str:
    return " ".join(body.partition("\n[jelou-bridge:")[0].split())


def ends_of(file: Path) -> dict[str, End]:
    """What each ticket of the file comes to."""
    return ENDS | LATER.get(file.stem, {})


async def tickets_of(on: Stand) -> set[str]:
    """The tickets of helpdesks that the store knows, by account and name."""
    found = await on.redis.keys(f"{on.prefix}:link:zendesk/*")
    return {one.decode().removeprefix(f"{on.prefix}:link:zendesk/") for one in found}


async def orphans_of(on: Stand) -> set[str]:
    """What belongs to no ticket."""
    found = await on.redis.keys(f"{on.prefix}:orphan:*")
    return {one.decode().removeprefix(f"{on.prefix}:") for one in found}


async def set_aside(on: Stand) -> list[str]:
    """The tickets that were not readable, or that a fault of the bridge's held up."""
    found = []
    for name in await on.redis.keys(f"{on.prefix}:timeline:*"):
        lines: Any = await on.redis.lrange(name, 0, -1)
        if any(b"cannot be read" in line or b"a fault in the bridge" in line for line in lines):
            found.append(name.decode())
    return found


@each_file
async def test_every_ticket_of_an_earlier_version_comes_to_its_right_end(
    file: Path, change: Change, redis: Redis, prefix: str
) -> None:
    """Each in its phase and between two, each event that waited; the table of the ends says to which.

    So it does where a version has stored more of everything, or less.
    """
    on = await loaded(file, redis, prefix, change)
    await to_the_end(on)
    names = await tickets_of(on)
    assert names <= ENDS.keys()
    assert {name: await end_of(on, name) for name in names} == {name: ends_of(file)[name] for name in names}
    assert (await set_aside(on), on.log.bugs) == ([], [])
    assert await orphans_of(on) <= ORPHANS


@each_file
async def test_what_people_look_at_is_read(file: Path, change: Change, redis: Redis, prefix: str) -> None:
    """Each dead letter of then says what its replay would do, and each trace and orphan can be shown."""
    on = await loaded(file, redis, prefix, change)
    desk = Desk(on.store.records, on.app.bridge, on.wake, lambda: on.now)
    letters = (await desk.dead_letters()).items
    assert {one.ticket for one in letters} >= {f"zendesk/acme/{name}" for name in LETTERS}
    assert [one.id for one in letters if not (await desk.preview(one)).says] == []
    assert [one.what for one in (await desk.decisions()).items] == ["discarded"]
    orphans = (await LostAndFound(desk).orphans()).items
    assert {one.conversation for one in orphans} >= {"o1", "unasked-buried", ""}
    for name in await tickets_of(on):
        account, _, ticket = name.partition("/")
        assert (await trace_of(on.store, on.app.bridge, f"zendesk/{account}", ticket))["known"]


@each_file
async def test_what_goes_round_by_itself_goes_on(file: Path, change: Change, redis: Redis, prefix: str) -> None:
    """How far was looked, who is silent, what nobody could read, a secret that was handed over."""
    on = await loaded(file, redis, prefix, change)
    window = Window.load(await on.store.rounds.window("zendesk/acme"))
    assert (window.began_ms > 0, window.after) == (True, "cursor-2")
    assert [told["missed"] for told in told_of(await on.store.rounds.silent(), on.app.bridge).values()] == [12]
    assert [one.body for one in await on.store.unread.all()] == ["{broken \udcff"]
    assert (await on.store.rotations.known("ventas")).secrets == ("new-secret", "secret")


@pytest.mark.parametrize("change", CHANGES, ids=CHANGES.get)
async def test_a_customer_comes_back_to_a_ticket_of_then(change: Change, redis: Redis, prefix: str) -> None:
    """The conversation that no ticket asked for is the next one of their closed ticket."""
    on = await loaded(FILES[0], redis, prefix, change)
    await worked(on)
    [before] = on.peers.chats_of("zendesk/acme/closed-talk")
    chat = on.peers.chats["back"] = Chat("back", before.user)
    await on.customer(chat, "otra vez yo")
    await worked(on)
    link = Link.load(await on.redis.hget(f"{on.prefix}:link:zendesk/acme/closed-talk", "state"))
    assert (link.phase, link.episode, link.conversation) == (Phase.OPEN, 2, "back")


def test_a_maker_that_fails_leaves_no_file(tmp_path: Path) -> None:
    """An empty one would be taken for what a version has written, and would stop the next try."""

    def failing() -> dict[str, Any]:
        msg = "ticket open-says has no conversation"
        raise AssertionError(msg)

    with pytest.raises(AssertionError):
        write_once(tmp_path / "next.json", failing)
    assert not list(tmp_path.iterdir())
    write_once(tmp_path / "next.json", lambda: {"now": 1, "keys": {}, "peers": {}})
    with pytest.raises(FileExistsError):
        write_once(tmp_path / "next.json", failing)


async def test_the_scenes_are_played_by_this_version(redis: Redis, prefix: str) -> None:
    """Each comes to where its name says, so that the data of a version can be made whenever it is wanted."""
    on = Stand(redis, prefix, NOW_MS, Peers())
    await played(on)
    names = await tickets_of(on)
    assert (on.log.bugs, names) == ([], {name for name in ENDS if "/for-" not in name})
    states = [await on.redis.hget(f"{on.prefix}:link:zendesk/{name}", "state") for name in names]
    assert {Link.load(state or b"").phase for state in states} == set(Phase)


async def test_the_first_file_has_a_ticket_in_every_phase(redis: Redis, prefix: str) -> None:
    """And all that the table tells of: a ticket that is left out of it would be tried by nobody."""
    on = await loaded(FILES[0], redis, prefix)
    names = await tickets_of(on)
    assert names == {name for name in ENDS if "/for-" not in name}
    states = [await on.redis.hget(f"{on.prefix}:link:zendesk/{name}", "state") for name in names]
    assert {Link.load(state or b"").phase for state in states} == set(Phase)
