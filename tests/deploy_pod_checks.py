"""What must hold inside each pod; each check returns the problems it finds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.deploy_manifests import (
    WORKLOADS,
    component,
    containers,
    find,
    of_kind,
    pod_labels,
    pod_spec,
    port_names,
    probes,
    quantity,
    selects,
    title,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.deploy_manifests import Manifest

# The operational routes, the same ones in the web and in the worker, and what the image listens on and reads.
ROUTES = {"/live", "/ready", "/metrics"}
PORT = 8080
PORTS = {"web": [("http", PORT), ("admin", 9090)], "worker": [("http", PORT)]}
ADMIN_PORT = "BRIDGE_ADMIN_PORT"
CONFIG_FILE = "/etc/bridge/bridge.yaml"

# How long each process takes to finish after SIGTERM, in seconds.
DRAIN = {"web": 30, "worker": 25, "redis": 15}

COMMANDS = {"web": ["serve"], "worker": ["worker"]}

# No probe hangs on Redis. An empty Service answers 502, which Zendesk does not retry, also one whose new pods wait
# for a full Redis; and a restart brings nothing back.
PROBE_PATHS = {
    "web": {"startupProbe": "/live", "readinessProbe": "/live", "livenessProbe": "/live"},
    "worker": {"startupProbe": "/live", "livenessProbe": "/live"},
}


def probe_ports(documents: Sequence[Manifest]) -> list[str]:
    """Every probe asks a port that its container declares by that name."""
    return [
        f"{where}: no port named {request['port']!r}"
        for where, container, request in probes(documents)
        if request["port"] not in port_names(container)
    ]


def probe_routes(documents: Sequence[Manifest]) -> list[str]:
    """Every probe asks for a route that exists."""
    return [
        f"{where}: there is no {request['path']}"
        for where, _, request in probes(documents)
        if request["path"] not in ROUTES
    ]


def redis_independence(documents: Sequence[Manifest]) -> list[str]:
    """No probe looks at Redis, so that Redis away or full takes no pod away, a new one neither."""
    return [
        f"{where}: probes are {paths}"
        for where, workload, container in containers(documents)
        if (expected := PROBE_PATHS.get(component(workload))) and (paths := _probe_paths(container)) != expected
    ]


def _probe_paths(container: Manifest) -> dict[str, str]:
    return {
        name: probe["httpGet"]["path"]
        for name, probe in container.items()
        if name.endswith("Probe") and "httpGet" in probe
    }


def scrape_annotations(documents: Sequence[Manifest]) -> list[str]:
    """Prometheus is pointed at the metrics route on a port that the pod declares."""
    return [
        f"{title(workload)}: {annotations}"
        for workload in of_kind(documents, "Deployment")
        if not _scraped(workload, annotations := workload["spec"]["template"]["metadata"].get("annotations", {}))
    ]


def _scraped(workload: Manifest, annotations: dict[str, str]) -> bool:
    ports = {str(port["containerPort"]) for port in pod_spec(workload)["containers"][0]["ports"]}
    return (
        annotations.get("prometheus.io/scrape") == "true"
        and annotations.get("prometheus.io/path") in ROUTES
        and annotations.get("prometheus.io/port") in ports
    )


def commands(documents: Sequence[Manifest]) -> list[str]:
    """The web and the worker run their own command of the one image, and listen where it listens."""
    return [
        f"{where}: runs {container.get('command', [])} {container.get('args')}"
        for where, workload, container in containers(documents)
        if component(workload) in COMMANDS and not _runs(container, component(workload))
    ]


def _runs(container: Manifest, name: str) -> bool:
    ports = [(port["name"], port["containerPort"]) for port in container["ports"]]
    return "command" not in container and container.get("args") == COMMANDS[name] and ports == PORTS[name]


def operators_port(documents: Sequence[Manifest]) -> list[str]:
    """What is for operators is at a port of its own, which no Service has."""
    wrong = [
        f"{where}: {told} is not the port named admin"
        for where, workload, container in containers(documents)
        if component(workload) == "web" and (told := _admin_port(container)) not in _named(container, "admin")
    ]
    return wrong + [
        f"{title(service)}: it leads to the operators' port"
        for service in of_kind(documents, "Service")
        if any(port.get("targetPort") in {"admin", 9090} for port in service["spec"]["ports"])
    ]


def _admin_port(container: Manifest) -> str:
    return next((one["value"] for one in container.get("env", []) if one["name"] == ADMIN_PORT), "")


def _named(container: Manifest, name: str) -> set[str]:
    return {str(port["containerPort"]) for port in container["ports"] if port["name"] == name}


def config_mounts(documents: Sequence[Manifest]) -> list[str]:
    """The bridge finds its configuration where the image looks for it."""
    return [
        f"{title(workload)}: {CONFIG_FILE} is not bridge.yaml of a bridge-config"
        for workload in of_kind(documents, "Deployment")
        if CONFIG_FILE not in set(_config_files(documents, workload))
    ]


def _config_files(documents: Sequence[Manifest], workload: Manifest) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in pod_spec(workload)["volumes"]}
    for mount in pod_spec(workload)["containers"][0]["volumeMounts"]:
        name = volumes.get(mount["name"], {}).get("configMap", {}).get("name")
        for key in (find(documents, f"ConfigMap/{name}") or {}).get("data", {}):
            yield f"{mount['mountPath']}/{key}"


def volume_mounts(documents: Sequence[Manifest]) -> list[str]:
    """Every mount has its volume or claim, and every volume is mounted."""
    return [
        f"{title(workload)}: mounts {sorted(mounted)}, has {sorted(volumes)}"
        for workload in of_kind(documents, *WORKLOADS)
        if (mounted := _mounted(workload)) != (volumes := _volumes(workload))
    ]


def _mounted(workload: Manifest) -> set[str]:
    return {mount["name"] for _, _, container in containers([workload]) for mount in container["volumeMounts"]}


def _volumes(workload: Manifest) -> set[str]:
    volumes = {volume["name"] for volume in pod_spec(workload).get("volumes", [])}
    return volumes | {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}


def resources(documents: Sequence[Manifest]) -> list[str]:
    """Every container requests and limits CPU and memory in real quantities, never more than its limit."""
    return [
        f"{where}: requests {request} of {limit} {name}"
        for where, _, container in containers(documents)
        for name in ("cpu", "memory")
        for request, limit in [_asked(container, name)]
        if not 0 < (quantity(request) or 0) <= (quantity(limit) or 0)
    ]


def _asked(container: Manifest, name: str) -> tuple[object, object]:
    wanted = container.get("resources", {})
    return wanted.get("requests", {}).get(name), wanted.get("limits", {}).get(name)


def grace_periods(documents: Sequence[Manifest]) -> list[str]:
    """A pod is given longer to end than its process takes."""
    return [
        f"{title(workload)}: {grace} s for {DRAIN[component(workload)]} s of draining"
        for workload in of_kind(documents, *WORKLOADS)
        if (grace := pod_spec(workload).get("terminationGracePeriodSeconds", 30)) <= DRAIN[component(workload)]
    ]


def pauses(documents: Sequence[Manifest]) -> list[str]:
    """No manifest sleeps before SIGTERM: the process itself goes on for a while, and asks senders to connect anew."""
    return [
        f"{where}: has a preStop of its own"
        for where, _, container in containers(documents)
        if "preStop" in container.get("lifecycle", {})
    ]


def rollouts(documents: Sequence[Manifest]) -> list[str]:
    """A rollout never takes a pod away before its successor has started."""
    return [
        f"{title(workload)}: {workload['spec'].get('strategy')}"
        for workload in of_kind(documents, "Deployment")
        if workload["spec"].get("strategy", {}).get("rollingUpdate", {}).get("maxUnavailable") != 0
    ]


def spread(documents: Sequence[Manifest]) -> list[str]:
    """The pods of a Deployment are spread over nodes by a selector that is their own."""
    return [
        f"{title(workload)}: no spread constraint over its own pods"
        for workload in of_kind(documents, "Deployment")
        if not any(
            selects(constraint["labelSelector"], pod_labels(workload)) and constraint["labelSelector"]
            for constraint in pod_spec(workload).get("topologySpreadConstraints", [])
        )
    ]


def restrictions(documents: Sequence[Manifest]) -> list[str]:
    """Every container runs as the "restricted" pod security standard asks, with a read-only root besides."""
    return [
        f"{where}: {problem}"
        for where, workload, container in containers(documents)
        for problem in _unrestricted(pod_spec(workload).get("securityContext", {}), container)
    ]


def _unrestricted(pod: Manifest, container: Manifest) -> Iterator[str]:
    context = pod | container.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        yield "may run as root"
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "may gain privileges"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "writes to its root file system"


def service_links(documents: Sequence[Manifest]) -> list[str]:
    """No pod gets a variable for each Service around it: BRIDGE_WEB_PORT looks like a setting of the bridge."""
    return [
        f"{title(workload)}: service links are on"
        for workload in of_kind(documents, *WORKLOADS)
        if pod_spec(workload).get("enableServiceLinks") is not False
    ]


def images(documents: Sequence[Manifest]) -> list[str]:
    """Every image has a tag or a digest that is not "latest", and names no registry host."""
    pattern = re.compile(r"([a-z0-9-]+/)?[a-z0-9-]+(:(?!latest)[\w.-]+|@sha256:[0-9a-f]{64})")
    return [
        f"{where}: {container['image']}"
        for where, _, container in containers(documents)
        if not pattern.fullmatch(container["image"])
    ]
