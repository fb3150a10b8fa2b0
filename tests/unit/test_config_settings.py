"""The settings of a process: read from the environment, each mistake named by its variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge.errors import ConfigError, Mistake
from config.settings import Settings, read_settings, variable


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine that runs the tests."""
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)


def mistakes_with(monkeypatch: pytest.MonkeyPatch, **environ: str) -> tuple[Mistake, ...]:
    """The mistakes in an environment."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        read_settings()
    return caught.value.mistakes


def test_everything_has_a_default() -> None:
    """With nothing set, a process serves this machine alone from the file beside it."""
    settings = read_settings()
    assert (settings.config, settings.host, settings.port) == (Path("bridge.yaml"), "127.0.0.1", 8080)
    assert settings.redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each field is its variable; an empty one counts as not set."""
    monkeypatch.setenv("REDIS_URL", "rediss://:word@redis:6380/1")
    monkeypatch.setenv("BRIDGE_CONFIG", "/etc/bridge/bridge.yaml")
    monkeypatch.setenv("BRIDGE_PORT", "9000")
    monkeypatch.setenv("BRIDGE_WORKER_SLOTS", "")
    settings = read_settings()
    assert (settings.config, settings.port) == (Path("/etc/bridge/bridge.yaml"), 9000)
    assert settings.redis_url.get_secret_value() == "rediss://:word@redis:6380/1"
    assert settings.worker_slots == Settings.model_fields["worker_slots"].default


def test_redis_over_tls_is_a_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a user, the authority's file and a certificate of our own."""
    for name in ("ca.pem", "own.pem", "own.key"):
        (tmp_path / name).touch()
    files = f"ssl_ca_certs={tmp_path}/ca.pem&ssl_certfile={tmp_path}/own.pem&ssl_keyfile={tmp_path}/own.key"
    url = f"rediss://bridge:p%40ss@redis.example:6380/2?{files}&ssl_check_hostname=false"
    monkeypatch.setenv("REDIS_URL", url)
    assert read_settings().redis_url.get_secret_value() == url


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("rediss://:secret@redis:6380/0?ssl_ca_certs=/no/such/file", "names a file in ssl_ca_certs that is not there"),
        ("rediss://:secret@redis:6380/0?ssl_cert_reqs=none", "has an option behind ? that is none of"),
        ("rediss://:secret@redis:6380/0?ssl_ca_cert=/x", "has an option behind ? that is none of"),
        ("redis://:secret@redis:6379/0?ssl_ca_certs=/x", "has an option behind ? that is none of db"),
        ("redis://:sec?ret@redis:6379/0", "has an option behind ? that is none of db"),
        ("http://:secret@redis", "begins with none of redis://, rediss://, unix://"),
    ],
)
def test_a_redis_url_that_cannot_work_is_a_mistake(monkeypatch: pytest.MonkeyPatch, url: str, problem: str) -> None:
    """Said before the first connection, and without the password."""
    [mistake] = mistakes_with(monkeypatch, REDIS_URL=url)
    assert (mistake.key, problem in mistake.problem) == ("REDIS_URL", True)
    assert "sec" not in str(mistake).replace("ssl", "")


def test_what_the_command_line_says_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """An override wins over the variable, one that was not given does not."""
    monkeypatch.setenv("BRIDGE_PORT", "9000")
    assert read_settings(port=9001, host=None, redis_url="unix:///run/redis").port == 9001
    assert read_settings(port=None).port == 9000


def test_settings_do_not_change() -> None:
    """Settings are read once; assigning is an error."""
    with pytest.raises(ValidationError):
        read_settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("BRIDGE_PORT", "web", "wanted a whole number"),
        ("BRIDGE_PORT", "70000", "65535 or less"),
        ("BRIDGE_PORT", "tcp://10.0.0.1:80", "enableServiceLinks: false"),
        ("BRIDGE_LOG_LEVEL", "loud", "write 'debug', 'info', 'warning' or 'error'"),
        ("BRIDGE_LOG_FORMAT", "xml", "write 'auto', 'json' or 'console'"),
        ("BRIDGE_WORKER_SLOTS", "0", "1 or more"),
        ("BRIDGE_DRAIN_S", "long", "wanted a number"),
        ("BRIDGE_REDIS_PREFIX", "a b", "must match"),
    ],
)
def test_mistake_names_the_variable(monkeypatch: pytest.MonkeyPatch, name: str, value: str, fix: str) -> None:
    """A wrong variable is told by its name and with what to write."""
    (mistake,) = mistakes_with(monkeypatch, **{name: value})
    assert mistake.key == name
    assert fix in mistake.fix


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wrong variables are two mistakes."""
    found = mistakes_with(monkeypatch, BRIDGE_PORT="web", BRIDGE_LOG_LEVEL="loud")
    assert {mistake.key for mistake in found} == {"BRIDGE_PORT", "BRIDGE_LOG_LEVEL"}


def test_password_of_redis_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the settings nor a mistake repeat the URL."""
    (mistake,) = mistakes_with(monkeypatch, REDIS_URL="http://:hunter2@redis")
    assert mistake.key == "REDIS_URL"
    assert "redis://" in mistake.problem
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@redis")
    assert "hunter2" not in f"{mistake} {read_settings()!r}"
