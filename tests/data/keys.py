"""The keys of a store as JSON that people can read, and back: each without its prefix; type, value, and time left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from redis.asyncio import Redis

CLOCK = "clock"
"""The key of the clock, which is the test's own and no data."""

Value = dict[str, Any]


async def dumped(redis: Redis, prefix: str) -> dict[str, Value]:
    """All keys under the prefix, in order."""
    names = sorted([one async for one in redis.scan_iter(f"{prefix}:*", count=1000)])
    found = {name.decode().removeprefix(f"{prefix}:"): await _value(redis, name) for name in names}
    return {name: value for name, value in found.items() if name != CLOCK}


async def loaded(redis: Redis, prefix: str, keys: dict[str, Value]) -> None:
    """Write them, as the server that is running would have them: an update of the bridge restarts no Redis."""
    client: Any = redis
    for name, value in keys.items():
        key = f"{prefix}:{name}"
        await _write(client, key, value["type"], value["value"])
        if "ttl_ms" in value:
            await client.pexpire(key, value["ttl_ms"])
    run_id = (await client.info("server"))["run_id"]
    await client.hset(f"{prefix}:generation", "run_id", run_id)


async def _value(redis: Any, key: bytes) -> Value:
    kind = (await redis.type(key)).decode()
    found = {"type": kind, "value": await READ[kind](redis, key)}
    left = await redis.pttl(key)
    return found if left < 0 else found | {"ttl_ms": left}


def _shown(text: bytes) -> Any:
    """A text as it is; one that is JSON of ours as that, where it comes back to the letter."""
    told = text.decode()
    if told[:1] not in {"{", "["}:
        return told
    try:
        read = orjson.loads(told)
    except orjson.JSONDecodeError:
        return told
    return {"json": read} if orjson.dumps(read) == text else told


def _text(shown: Any) -> str:
    return orjson.dumps(shown["json"]).decode() if isinstance(shown, dict) else str(shown)


async def _string(redis: Any, key: bytes) -> Any:
    return _shown(await redis.get(key))


async def _hash(redis: Any, key: bytes) -> Any:
    return {name.decode(): _shown(value) for name, value in sorted((await redis.hgetall(key)).items())}


async def _list(redis: Any, key: bytes) -> Any:
    return [_shown(one) for one in await redis.lrange(key, 0, -1)]


async def _set(redis: Any, key: bytes) -> Any:
    return sorted(one.decode() for one in await redis.smembers(key))


async def _zset(redis: Any, key: bytes) -> Any:
    return {name.decode(): score for name, score in await redis.zrange(key, 0, -1, withscores=True)}


READ = {"string": _string, "hash": _hash, "list": _list, "set": _set, "zset": _zset}


async def _write(redis: Any, key: str, kind: str, value: Any) -> None:
    if kind == "string":
        await redis.set(key, _text(value))
    elif kind == "hash":
        await redis.hset(key, mapping={name: _text(one) for name, one in value.items()})
    elif kind == "list":
        await redis.rpush(key, *map(_text, value))
    elif kind == "set":
        await redis.sadd(key, *value)
    else:
        await redis.zadd(key, value)
