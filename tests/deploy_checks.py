"""What must agree between rendered documents; each check returns the problems it finds.

The API server accepts most of these faults, and the schema knows nothing of them.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import kubernetes_validate

from tests.deploy_manifests import (
    WORKLOADS,
    config_secrets,
    containers,
    exists,
    find,
    of_kind,
    pod_port_names,
    pod_spec,
    selected,
    title,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.deploy_manifests import Manifest

# What helpdesks and Jelou need from outside; the rest of the web's routes stays inside the cluster.
PUBLIC_PATHS = {"/webhooks"}

# One pod is never enough: a node may go at any time.
LEAST_REPLICAS = 2


def schema(documents: Sequence[Manifest]) -> list[str]:
    """Every document has the fields and types of its kind in the newest schema, and no others."""
    return [problem for document in documents for problem in _schema_problems(json.dumps(document))]


@cache
def _schema_problems(text: str) -> tuple[str, ...]:
    document = json.loads(text)
    try:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.SchemaNotFoundError as error:
        return (f"{title(document)}: {error.message}",)
    except kubernetes_validate.ValidationError as error:
        return (f"{title(document)}: {error.json_path}: {error.message}",)
    return ()


def unique_titles(documents: Sequence[Manifest]) -> list[str]:
    """No two documents have the same kind and name."""
    return [f"{name} stands here {count} times" for name, count in Counter(map(title, documents)).items() if count > 1]


def own_selectors(documents: Sequence[Manifest]) -> list[str]:
    """A workload's selector admits its own pods, and no other workload's."""
    return [
        f"{title(workload)}: selects the pods of {[title(other) for other in found]}"
        for workload in of_kind(documents, *WORKLOADS)
        if (found := selected(documents, workload["spec"]["selector"])) != [workload]
    ]


def service_selectors(documents: Sequence[Manifest]) -> list[str]:
    """A Service selects the pods of exactly one workload."""
    return [
        f"{title(service)}: selects {[title(other) for other in found]}"
        for service in of_kind(documents, "Service")
        if len(found := _behind(documents, service)) != 1
    ]


def _behind(documents: Sequence[Manifest], service: Manifest) -> list[Manifest]:
    return selected(documents, {"matchLabels": service["spec"]["selector"]})


def service_ports(documents: Sequence[Manifest]) -> list[str]:
    """A Service sends to a port that the pods behind it declare by that name."""
    return [
        f"{title(service)}: {title(workload)} has no port named {port.get('targetPort')!r}"
        for service in of_kind(documents, "Service")
        for workload in _behind(documents, service)
        for port in service["spec"]["ports"]
        if port.get("targetPort") not in pod_port_names(workload)
    ]


def ingress_backends(documents: Sequence[Manifest]) -> list[str]:
    """An Ingress leads to a Service and a port that exist."""
    return [
        f"{title(ingress)}: no Service {backend['name']} with port {backend['port']}"
        for ingress, path in _ingress_paths(documents)
        if not _has_port(find(documents, f"Service/{(backend := path['backend']['service'])['name']}"), backend["port"])
    ]


def _has_port(service: Manifest | None, wanted: Manifest) -> bool:
    ports = service["spec"]["ports"] if service else []
    return any(wanted.items() <= {"name": port.get("name"), "number": port["port"]}.items() for port in ports)


def ingress_paths(documents: Sequence[Manifest]) -> list[str]:
    """An Ingress shows the outside nothing but the webhooks, and those over TLS."""
    open_paths = [
        f"{title(ingress)}: {path['path']} is open to the outside"
        for ingress, path in _ingress_paths(documents)
        if path["path"] not in PUBLIC_PATHS
    ]
    return open_paths + [
        f"{title(ingress)}: {rule['host']} has no certificate"
        for ingress in of_kind(documents, "Ingress")
        for rule in ingress["spec"]["rules"]
        if rule["host"] not in {host for tls in ingress["spec"].get("tls", []) for host in tls["hosts"]}
    ]


def _ingress_paths(documents: Sequence[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    for ingress in of_kind(documents, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                yield ingress, path


def autoscalers(documents: Sequence[Manifest]) -> list[str]:
    """An autoscaler has a target that leaves the number of replicas to it, and never fewer than two pods."""
    scalers = of_kind(documents, "HorizontalPodAutoscaler")
    return [problem for scaler in scalers for problem in _scaler(documents, scaler)]


def _scaler(documents: Sequence[Manifest], scaler: Manifest) -> Iterator[str]:
    spec, reference = scaler["spec"], scaler["spec"]["scaleTargetRef"]
    target = find(documents, f"{reference['kind']}/{reference['name']}")
    if not target or target["apiVersion"] != reference["apiVersion"]:
        yield f"{title(scaler)}: no {reference['apiVersion']} {reference['kind']}/{reference['name']} to scale"
    elif "replicas" in target["spec"]:
        yield f"{title(scaler)}: {title(target)} sets the number of replicas itself"
    if not LEAST_REPLICAS <= spec["minReplicas"] <= spec["maxReplicas"]:
        yield f"{title(scaler)}: {spec['minReplicas']} to {spec['maxReplicas']} replicas"


def disruption_budgets(documents: Sequence[Manifest]) -> list[str]:
    """A disruption budget is about one workload, and leaves one pod of it that may go."""
    return [
        f"{title(budget)}: keeps {budget['spec']['minAvailable']} pods of {[title(other) for other in found]}"
        for budget in of_kind(documents, "PodDisruptionBudget")
        if len(found := selected(documents, budget["spec"]["selector"])) != 1
        or budget["spec"]["minAvailable"] >= _replicas(documents, found[0])
    ]


def _replicas(documents: Sequence[Manifest], workload: Manifest) -> int:
    scalers = [
        scaler["spec"]["minReplicas"]
        for scaler in of_kind(documents, "HorizontalPodAutoscaler")
        if scaler["spec"]["scaleTargetRef"]["name"] == workload["metadata"]["name"]
    ]
    replicas: int = workload["spec"].get("replicas", min(scalers, default=1))
    return replicas


def config_maps(documents: Sequence[Manifest]) -> list[str]:
    """Every ConfigMap that a volume is made of exists."""
    return [
        f"{title(workload)}: no ConfigMap {name}"
        for workload in of_kind(documents, *WORKLOADS)
        for volume in pod_spec(workload).get("volumes", [])
        if (name := volume.get("configMap", {}).get("name")) and not exists(documents, "ConfigMap", name)
    ]


def secret_keys(documents: Sequence[Manifest]) -> list[str]:
    """Every Secret that a container or an Ingress needs exists, with the keys it is asked for."""
    return [
        f"{where}: no Secret {name}" + (f" with {key}" if key else "")
        for where, name, key in _secret_references(documents)
        if not (secret := find(documents, f"Secret/{name}")) or (key and key not in secret["stringData"])
    ]


def _secret_references(documents: Sequence[Manifest]) -> Iterator[tuple[str, str, str | None]]:
    for where, _, container in containers(documents):
        for source in container.get("envFrom", []):
            yield where, source["secretRef"]["name"], None
        for variable in container.get("env", []):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield where, reference["name"], reference["key"]
    for ingress in of_kind(documents, "Ingress"):
        for tls in ingress["spec"].get("tls", []):
            yield title(ingress), tls["secretName"], "tls.crt"


def configured_secrets(documents: Sequence[Manifest]) -> list[str]:
    """Every ${NAME} in bridge.yaml, and REDIS_URL, is a key of the Secret that the bridge's pods read."""
    secret = find(documents, "Secret/bridge-secrets") or {"stringData": {}}
    missing = {"REDIS_URL", *config_secrets(documents)} - secret["stringData"].keys()
    return [f"bridge-secrets has no {name}" for name in sorted(missing)]


def service_accounts(documents: Sequence[Manifest]) -> list[str]:
    """Every pod runs under a ServiceAccount that exists, and gets no token of it."""
    return [
        f"{title(workload)}: no ServiceAccount {name}, or its token is mounted"
        for workload in of_kind(documents, *WORKLOADS)
        if not exists(documents, "ServiceAccount", name := pod_spec(workload).get("serviceAccountName", "default"))
        or pod_spec(workload).get("automountServiceAccountToken") is not False
    ]


def network_policies(documents: Sequence[Manifest]) -> list[str]:
    """A policy, and each sender it names, selects pods; each port it names is one of theirs."""
    return [problem for policy in of_kind(documents, "NetworkPolicy") for problem in _policy(documents, policy)]


def _policy(documents: Sequence[Manifest], policy: Manifest) -> Iterator[str]:
    guarded = selected(documents, policy["spec"]["podSelector"])
    if not guarded:
        yield f"{title(policy)}: selects no pods"
    for rule in policy["spec"]["ingress"]:
        for sender in rule.get("from", []):
            if not selected(documents, sender["podSelector"]):
                yield f"{title(policy)}: a sender selects no pods"
        for port in rule["ports"]:
            if any(port["port"] not in pod_port_names(workload) for workload in guarded):
                yield f"{title(policy)}: its pods have no port named {port['port']!r}"
