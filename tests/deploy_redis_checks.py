"""What must hold of the Redis that is deployed with the bridge; each check returns the problems it finds."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.deploy_manifests import (
    component,
    config_data,
    find,
    of_kind,
    pod_labels,
    pod_spec,
    quantity,
    selected,
    selects,
    title,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.deploy_manifests import Manifest

SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "protected-mode": "yes",
    "dir": "/data",
}

# Rewriting the append-only file forks, and then changed pages are held twice: how much of the limit data may take.
DATA_SHARE = Decimal("0.7")

# Rewriting also holds the old and the new file at once, each as large as the data or larger.
VOLUME_FACTOR = 4


def durability(documents: Sequence[Manifest]) -> list[str]:
    """Redis writes each change to disk before it answers, and evicts nothing."""
    return [
        f"{title(redis)}: {name} is {settings.get(name)}, not {value}"
        for redis in of_kind(documents, "StatefulSet")
        for settings in [_settings(documents)]
        for name, value in SETTINGS.items()
        if settings.get(name) != value
    ]


def room(documents: Sequence[Manifest]) -> list[str]:
    """What Redis may hold fits its memory and its volume while the append-only file is rewritten."""
    return [problem for redis in of_kind(documents, "StatefulSet") for problem in _shortages(documents, redis)]


def _shortages(documents: Sequence[Manifest], redis: Manifest) -> Iterator[str]:
    data = Decimal(_settings(documents).get("maxmemory", "0mb").removesuffix("mb")) * 1024**2
    limit = quantity(pod_spec(redis)["containers"][0]["resources"]["limits"]["memory"]) or 0
    volume = quantity(redis["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"]) or 0
    if not 0 < data <= DATA_SHARE * limit:
        yield f"{title(redis)}: maxmemory {data} in a memory limit of {limit}"
    if volume < VOLUME_FACTOR * data:
        yield f"{title(redis)}: maxmemory {data} on a volume of {volume}"


def _settings(documents: Sequence[Manifest]) -> dict[str, str]:
    text = config_data(documents, "bridge-redis-config", "valkey.conf") or ""
    lines = (line.partition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, _, value in lines}


def one_primary(documents: Sequence[Manifest]) -> list[str]:
    """Redis is one primary, whose volume outlives it."""
    return [
        f"{title(redis)}: {spec['replicas']} replicas, {spec.get('persistentVolumeClaimRetentionPolicy')}"
        for redis in of_kind(documents, "StatefulSet")
        if (spec := redis["spec"])["replicas"] != 1
        or spec.get("persistentVolumeClaimRetentionPolicy") != {"whenDeleted": "Retain", "whenScaled": "Retain"}
    ]


def password(documents: Sequence[Manifest]) -> list[str]:
    """Redis asks for the password in the Secret, taken from the variable that its probes read too."""
    return [
        f"{title(redis)}: runs {container['args']} with {sorted(variables)}"
        for redis in of_kind(documents, "StatefulSet")
        for container in pod_spec(redis)["containers"]
        for variables in [{variable["name"] for variable in container.get("env", [])}]
        if container["args"][1:] != ["--requirepass", "$(REDISCLI_AUTH)"] or variables != {"REDISCLI_AUTH"}
    ]


def governing_services(documents: Sequence[Manifest]) -> list[str]:
    """A StatefulSet names a headless Service, which is what gives its pods their names."""
    problems = []
    for workload in of_kind(documents, "StatefulSet"):
        service = find(documents, f"Service/{workload['spec']['serviceName']}")
        if not service or service["spec"].get("clusterIP") != "None":
            problems.append(f"{title(workload)}: no headless Service {workload['spec']['serviceName']}")
    return problems


def isolation(documents: Sequence[Manifest]) -> list[str]:
    """Redis is closed to all pods but the web and the workers, and calls nobody itself."""
    return [
        f"{title(redis)}: admits {admitted}, calls are {'denied' if silent else 'free'}"
        for redis in of_kind(documents, "StatefulSet")
        for policies in [_policies(documents, redis)]
        for admitted in [sorted(_senders(documents, policies))]
        for silent in [any("Egress" in policy["policyTypes"] and "egress" not in policy for policy in policies)]
        if not silent or admitted != ["web", "worker"]
    ]


def _policies(documents: Sequence[Manifest], workload: Manifest) -> list[Manifest]:
    policies = [policy["spec"] for policy in of_kind(documents, "NetworkPolicy")]
    return [policy for policy in policies if selects(policy["podSelector"], pod_labels(workload))]


def _senders(documents: Sequence[Manifest], policies: Sequence[Manifest]) -> Iterator[str]:
    for policy in policies:
        for rule in policy["ingress"]:
            for sender in rule.get("from", [{"podSelector": {}}]):
                yield from (component(workload) for workload in selected(documents, sender["podSelector"]))
