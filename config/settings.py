"""The settings of a process, from its environment. What it connects stands in ``bridge.yaml`` instead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.errors import ConfigError, Mistake
from bridge.redis_url import SENTINEL_SCHEMES, SentinelUrl
from config.explanations import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "BRIDGE_"
REDIS_URL: Final = "REDIS_URL"
_SCHEMES: Final = ("redis://", "rediss://", "unix://", *SENTINEL_SCHEMES)
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_OPTIONS: Final = {"redis": ("db",), "rediss": ("db", *_FILES, "ssl_check_hostname")}
"""What may stand behind the ? of each scheme. A certificate that is not checked is no option: its own authority can be
named, and then it is."""


def _redis_url(url: SecretStr) -> SecretStr:
    """Found here: redis-py would only say so at its first connection, over and over."""
    text = url.get_secret_value()
    if not text.startswith(_SCHEMES):
        msg = f"begins with none of {', '.join(_SCHEMES)}"
        raise ValueError(msg)
    if text.startswith(SENTINEL_SCHEMES):
        SentinelUrl.parse(text)
    told = urlsplit(text)
    if told.scheme in _OPTIONS:
        _known_options(parse_qs(told.query, keep_blank_values=True), _OPTIONS[told.scheme])
    return url


def _known_options(given: Mapping[str, list[str]], known: tuple[str, ...]) -> None:
    for name, values in given.items():
        if name not in known:
            msg = f"has an option behind ? that is none of {', '.join(known)}"
            raise ValueError(msg)
        if name in _FILES and not Path(values[-1]).is_file():
            msg = f"names a file in {name} that is not there"
            raise ValueError(msg)


class Settings(BaseSettings):
    """How this process runs. Each field is the variable ``BRIDGE_<FIELD>``, but for ``REDIS_URL``; empty is unset."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, populate_by_name=True, hide_input_in_errors=True
    )

    config: Path = Field(default=Path("bridge.yaml"), description="The configuration file.")
    redis_url: Annotated[SecretStr, AfterValidator(_redis_url)] = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        validation_alias=REDIS_URL,
        description="Where Redis is: rediss:// for TLS, redis+sentinel://host,host/master where Sentinel tells; a "
        "secret, because it may hold a password.",
    )
    redis_prefix: str = Field(
        default="bridge", pattern="^[A-Za-z0-9_-]+$", description="Begins every key, so that bridges can share a Redis."
    )
    redis_confirm: Literal["", "aof", "replica"] = Field(
        default="",
        description="What a delivery must have reached before its 202: nothing more than the server, its append-only "
        "file (WAITAOF, Redis 7.2 and Valkey), or one replica (WAIT).",
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 in a container.")
    port: int = Field(default=8080, ge=1, le=65_535, description="The port to listen on.")
    admin_port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="A port of its own for what of the web is for operators: /api, /metrics, /ready; else the same.",
    )
    admin_host: str = Field(default="", description="The address of that port; else host.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="The least to log.")
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console on a terminal, else json."
    )
    worker_slots: int = Field(default=10, ge=1, le=1_000, description="Lanes that a worker works at the same time.")
    linger_s: float = Field(
        default=15.0,
        ge=0,
        le=600,
        description="How long a stopping web process still takes requests: until all before it send elsewhere.",
    )
    drain_s: float = Field(default=20.0, ge=0, le=600, description="How long a stopping process may finish its work.")

    @field_validator("admin_port")
    @classmethod
    def _is_another(cls, given: int | None, told: ValidationInfo) -> int | None:
        if given is not None and given == told.data.get("port"):
            msg = "is BRIDGE_PORT: what is for operators needs another one"
            raise ValueError(msg)
        return given


def read_settings(**overrides: Any) -> Settings:
    """The settings in the environment; ``overrides`` (by field, None left out) win. Raises ConfigError."""
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        mistakes = tuple(map(_mistake, error.errors(include_url=False)))
    raise ConfigError(mistakes=mistakes)


def _mistake(error: Mapping[str, Any]) -> Mistake:
    """The key is the variable's name. A Service named bridge makes Kubernetes set BRIDGE_PORT to tcp://..."""
    field = str(error["loc"][0])
    problem, fix = in_words(error)
    if field == "port" and str(error["input"]).startswith("tcp://"):
        fix = "Kubernetes sets it for a Service named bridge: put enableServiceLinks: false into the pod"
    return Mistake("environment", 0, variable(field), problem, fix)


def variable(field: str) -> str:
    """The environment variable of a field."""
    return REDIS_URL if field.upper() == REDIS_URL else PREFIX + field.upper()
