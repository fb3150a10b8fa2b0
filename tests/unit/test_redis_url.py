"""A REDIS_URL for Sentinel is taken apart, and a broken one said to be broken without showing it."""

from __future__ import annotations

import pytest

from bridge.redis_url import SentinelUrl


def test_all_of_it_is_read() -> None:
    """Several Sentinels, credentials of both kinds, TLS."""
    url = "rediss+sentinel://us%40er:p%2Fw@a:1,b,[::1]:3/my-master/2?sentinel_password=s"
    assert SentinelUrl.parse(url) == SentinelUrl(
        sentinels=(("a", 1), ("b", 26_379), ("::1", 3)),
        master="my-master",
        db=2,
        credential={"username": "us@er", "password": "p/w"},
        sentinel_credential={"password": "s"},
        tls=True,
    )


def test_hosts_and_a_master_are_enough() -> None:
    """The rest has defaults."""
    told = SentinelUrl.parse("redis+sentinel://a,b/m")
    assert (told.sentinels, told.db, told.tls) == ((("a", 26_379), ("b", 26_379)), 0, False)
    assert (told.credential, told.sentinel_credential) == ({}, {})


@pytest.mark.parametrize("rest", ["", "a", "a/", "/m", "a:x/m", "a/m/x", ":secret@/m", "a:²/m"])
def test_a_broken_one_is_said_to_be_broken(rest: str) -> None:
    """In words that show nothing of it: it may hold a password."""
    with pytest.raises(ValueError, match=r"is not|no number") as caught:
        SentinelUrl.parse(f"redis+sentinel://{rest}")
    assert "secret" not in str(caught.value)
