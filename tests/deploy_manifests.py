"""Reading rendered Kubernetes documents: who is who, and who selects whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import yaml

Manifest: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[Sequence[Manifest]], list[str]]

WORKLOADS = ("Deployment", "StatefulSet")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
COMPONENT = "app.kubernetes.io/component"

QUANTITY = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>m|k|M|G|T|Ki|Mi|Gi|Ti)?")
UNITS: dict[str | None, Decimal] = {
    None: Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate(("k", "M", "G", "T"), 1)},
    **{unit: Decimal(1024) ** power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), 1)},
}


def of_kind(documents: Sequence[Manifest], *kinds: str) -> list[Manifest]:
    """Return the documents of these kinds."""
    return [document for document in documents if document["kind"] in kinds]


def title(document: Manifest) -> str:
    """Name a document the way kubectl does, Kind/name."""
    return f"{document['kind']}/{document['metadata']['name']}"


def find(documents: Sequence[Manifest], wanted: str) -> Manifest | None:
    """Return the document of this title; a generated name may end in the hash of its content."""
    pattern = re.compile(rf"{re.escape(wanted)}(-[a-z0-9]{{10}})?")
    return next((document for document in documents if pattern.fullmatch(title(document))), None)


def exists(documents: Sequence[Manifest], kind: str, name: str) -> bool:
    """Tell whether a document has exactly this kind and name."""
    return any(title(document) == f"{kind}/{name}" for document in documents)


def pod_spec(workload: Manifest) -> Manifest:
    """Return the specification of the pods that a workload makes."""
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def pod_labels(workload: Manifest) -> dict[str, str]:
    """Return the labels of the pods that a workload makes."""
    labels: dict[str, str] = workload["spec"]["template"]["metadata"].get("labels", {})
    return labels


def component(workload: Manifest) -> str:
    """Return which part of the bridge the workload's pods are."""
    return pod_labels(workload).get(COMPONENT, "")


def containers(documents: Sequence[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Yield every container with its full title and its workload, init containers included."""
    for workload in of_kind(documents, *WORKLOADS):
        spec = pod_spec(workload)
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            yield f"{title(workload)}/{container['name']}", workload, container


def probes(documents: Sequence[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Yield every HTTP probe with its full title and its container."""
    for where, _, container in containers(documents):
        for probe in PROBES:
            if request := container.get(probe, {}).get("httpGet"):
                yield f"{where}/{probe}", container, request


def port_names(container: Manifest) -> set[str]:
    """Return the names of the ports that a container declares."""
    return {port["name"] for port in container.get("ports", []) if "name" in port}


def pod_port_names(workload: Manifest) -> set[str]:
    """Return the names of the ports that a workload's pods declare."""
    return set().union(*(port_names(container) for container in pod_spec(workload)["containers"]))


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """Tell whether a label selector admits these labels; an empty one admits all."""
    equal = selector.get("matchLabels", {}).items() <= labels.items()
    return equal and all(satisfied(rule, labels) for rule in selector.get("matchExpressions", []))


def satisfied(expression: Manifest, labels: dict[str, str]) -> bool:
    """Tell whether the labels satisfy one matchExpressions entry."""
    value, values = labels.get(expression["key"]), expression.get("values", [])
    answers = {"In": value in values, "NotIn": value not in values, "Exists": value is not None}
    return answers.get(expression["operator"], value is None)


def selected(documents: Sequence[Manifest], selector: Manifest) -> list[Manifest]:
    """Return the workloads whose pods a label selector admits."""
    return [workload for workload in of_kind(documents, *WORKLOADS) if selects(selector, pod_labels(workload))]


def quantity(text: object) -> Decimal | None:
    """Return the number that a Kubernetes quantity stands for, None when it is not one."""
    match = QUANTITY.fullmatch(str(text))
    return Decimal(match["number"]) * UNITS[match["unit"]] if match else None


def scalars(value: object) -> Iterator[str]:
    """Yield every string in a YAML value, however deep; comments are not part of it."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from scalars(item)
    elif isinstance(value, str):
        yield value


def config_data(documents: Sequence[Manifest], name: str, key: str) -> str | None:
    """Return one file of a ConfigMap, None when there is none."""
    config = find(documents, f"ConfigMap/{name}")
    return config.get("data", {}).get(key) if config else None


def config_secrets(documents: Sequence[Manifest]) -> set[str]:
    """Return the names that the bridge's configuration takes from the environment."""
    config = config_data(documents, "bridge-config", "bridge.yaml") or ""
    text = "\n".join(scalars(yaml.safe_load(config)))
    return set(re.findall(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", text))
