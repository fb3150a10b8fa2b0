"""Single faults in the rendered manifests, each with the check that must report it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests import deploy_checks as checks
from tests import deploy_pod_checks as pods
from tests import deploy_redis_checks as redis
from tests.deploy_manifests import Check, Manifest, find

if TYPE_CHECKING:
    from collections.abc import Sequence

# In place of a value: what stands there is removed.
ABSENT = object()

BASE, EXAMPLE = "base", "overlays/example"
WEB, WORKER, REDIS = "Deployment/bridge-web", "Deployment/bridge-worker", "StatefulSet/bridge-redis"
POD = "spec template spec"
CONTAINER = f"{POD} containers 0"


@dataclass(frozen=True)
class Fault:
    """One value of one document changed; without a path, the whole document is gone."""

    check: Check
    kustomization: str
    document: str
    path: str = ""
    value: Any = ABSENT

    def __str__(self) -> str:
        """Name the fault in the output of the test run."""
        return f"{self.check.__name__}: {self.document} {self.path}"

    def inject(self, documents: list[Manifest]) -> None:
        """Make the fault; fail when the place where it belongs is not there."""
        document = find(documents, self.document)
        if document is None:
            raise LookupError(self.document)
        if self.path:
            replace(document, self.path.split(), self.value)
        else:
            documents.remove(document)


def replace(document: Manifest, path: Sequence[str], value: object) -> None:
    """Set or remove the value at a path of keys and list positions."""
    *parents, last = [int(step) if step.isdigit() else step for step in path]
    place: Any = document
    for step in parents:
        place = place[step]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value


FAULTS = [
    Fault(checks.schema, BASE, WEB, f"{CONTAINER} readinesProbe", {"tcpSocket": {"port": 8080}}),
    Fault(checks.schema, BASE, WEB, "spec replicas", "two"),
    Fault(checks.schema, BASE, "PodDisruptionBudget/bridge-web", "apiVersion", "policy/v1beta1"),
    Fault(checks.schema, BASE, WEB, "apiVersion", "apps.example.com/v1"),
    Fault(checks.schema, BASE, "NetworkPolicy/bridge-http", "kind", "NetworkPolice"),
    Fault(checks.unique_titles, BASE, WORKER, "metadata name", "bridge-web"),
    Fault(checks.own_selectors, BASE, WEB, "spec selector matchLabels tier", "front"),
    Fault(checks.own_selectors, BASE, WEB, "spec selector matchLabels", {}),
    Fault(checks.service_selectors, BASE, "Service/bridge-web", "spec selector", {"app": "bridge"}),
    Fault(checks.service_selectors, BASE, "Service/bridge-web", "spec selector", {}),
    Fault(checks.service_ports, BASE, "Service/bridge-web", "spec ports 0 targetPort", "web"),
    Fault(checks.ingress_backends, EXAMPLE, "Service/bridge-web", "spec ports 0 name", "web"),
    Fault(checks.ingress_backends, EXAMPLE, "Service/bridge-web"),
    Fault(checks.ingress_paths, EXAMPLE, "Ingress/bridge-web", "spec rules 0 http paths 0 path", "/"),
    Fault(checks.ingress_paths, EXAMPLE, "Ingress/bridge-web", "spec tls"),
    Fault(checks.autoscalers, EXAMPLE, "HorizontalPodAutoscaler/bridge-web", "spec scaleTargetRef name", "web"),
    Fault(checks.autoscalers, EXAMPLE, "HorizontalPodAutoscaler/bridge-web", "spec minReplicas", 9),
    Fault(checks.autoscalers, EXAMPLE, WEB, "spec replicas", 2),
    Fault(checks.disruption_budgets, BASE, "PodDisruptionBudget/bridge-web", "spec selector matchLabels app", "web"),
    Fault(checks.disruption_budgets, BASE, WORKER, "spec replicas", 1),
    Fault(checks.config_maps, BASE, "ConfigMap/bridge-config"),
    Fault(checks.secret_keys, BASE, "Secret/bridge-secrets"),
    Fault(checks.secret_keys, BASE, "Secret/bridge-secrets", "stringData REDIS_PASSWORD"),
    Fault(checks.secret_keys, EXAMPLE, "Secret/bridge-tls"),
    Fault(checks.configured_secrets, BASE, "Secret/bridge-secrets", "stringData REDIS_URL"),
    Fault(checks.configured_secrets, BASE, "ConfigMap/bridge-config", "data bridge.yaml", "jelou: ${MISSING}"),
    Fault(checks.service_accounts, BASE, "ServiceAccount/bridge"),
    Fault(checks.service_accounts, BASE, WEB, f"{POD} automountServiceAccountToken"),
    Fault(checks.network_policies, BASE, "NetworkPolicy/bridge-redis", "spec podSelector matchLabels app", "valkey"),
    Fault(checks.network_policies, BASE, "NetworkPolicy/bridge-redis", "spec ingress 0 ports 0 port", "valkey"),
    Fault(pods.probe_ports, BASE, WEB, f"{CONTAINER} livenessProbe httpGet port", "web"),
    Fault(pods.probe_routes, BASE, WEB, f"{CONTAINER} livenessProbe httpGet path", "/healthz"),
    Fault(pods.redis_independence, BASE, WEB, f"{CONTAINER} startupProbe httpGet path", "/ready"),
    Fault(pods.redis_independence, BASE, WEB, f"{CONTAINER} readinessProbe httpGet path", "/ready"),
    Fault(pods.redis_independence, BASE, WORKER, f"{CONTAINER} livenessProbe httpGet path", "/ready"),
    Fault(pods.redis_independence, BASE, WEB, f"{CONTAINER} startupProbe"),
    Fault(pods.scrape_annotations, BASE, WORKER, "spec template metadata annotations prometheus.io/port", "80"),
    Fault(pods.scrape_annotations, BASE, WORKER, "spec template metadata annotations"),
    Fault(pods.commands, BASE, WORKER, f"{CONTAINER} args", ["serve"]),
    Fault(pods.commands, BASE, WEB, f"{CONTAINER} ports 0 containerPort", 80),
    Fault(pods.operators_port, BASE, WEB, f"{CONTAINER} env"),
    Fault(pods.operators_port, BASE, WEB, f"{CONTAINER} ports 1 containerPort", 9091),
    Fault(pods.operators_port, BASE, "Service/bridge-web", "spec ports 0 targetPort", "admin"),
    Fault(pods.config_mounts, BASE, WEB, f"{CONTAINER} volumeMounts 0 mountPath", "/etc/config"),
    Fault(pods.config_mounts, BASE, "ConfigMap/bridge-config", "data bridge.yaml"),
    Fault(pods.volume_mounts, BASE, WEB, f"{POD} volumes 1"),
    Fault(pods.volume_mounts, BASE, REDIS, "spec volumeClaimTemplates"),
    Fault(pods.resources, BASE, WEB, f"{CONTAINER} resources limits memory", "256MB"),
    Fault(pods.resources, BASE, WEB, f"{CONTAINER} resources limits memory", "100Mi"),
    Fault(pods.resources, BASE, REDIS, f"{CONTAINER} resources"),
    Fault(pods.grace_periods, BASE, WORKER, f"{POD} terminationGracePeriodSeconds", 25),
    Fault(pods.grace_periods, BASE, WEB, f"{POD} terminationGracePeriodSeconds"),
    Fault(pods.pauses, BASE, WEB, f"{CONTAINER} lifecycle", {"preStop": {"sleep": {"seconds": 5}}}),
    Fault(pods.rollouts, BASE, WEB, "spec strategy"),
    Fault(pods.spread, BASE, WEB, f"{POD} topologySpreadConstraints 0 labelSelector matchLabels app", "web"),
    Fault(pods.restrictions, BASE, WEB, f"{CONTAINER} securityContext runAsUser", 0),
    Fault(pods.restrictions, BASE, WEB, f"{CONTAINER} securityContext allowPrivilegeEscalation"),
    Fault(pods.restrictions, BASE, WEB, f"{CONTAINER} securityContext capabilities"),
    Fault(pods.restrictions, BASE, REDIS, f"{POD} securityContext seccompProfile"),
    Fault(pods.restrictions, BASE, REDIS, f"{CONTAINER} securityContext readOnlyRootFilesystem"),
    Fault(pods.service_links, BASE, WEB, f"{POD} enableServiceLinks"),
    Fault(pods.images, BASE, WEB, f"{CONTAINER} image", "jelou-ticket-bridge"),
    Fault(pods.images, BASE, REDIS, f"{CONTAINER} image", "valkey/valkey:latest"),
    Fault(pods.images, BASE, REDIS, f"{CONTAINER} image", "registry.example.com/valkey/valkey:9"),
    Fault(redis.durability, BASE, "ConfigMap/bridge-redis-config", "data valkey.conf", "appendonly yes"),
    Fault(redis.durability, BASE, "ConfigMap/bridge-redis-config"),
    Fault(redis.room, BASE, REDIS, f"{CONTAINER} resources limits memory", "700Mi"),
    Fault(redis.room, BASE, REDIS, "spec volumeClaimTemplates 0 spec resources requests storage", "1Gi"),
    Fault(redis.room, BASE, "ConfigMap/bridge-redis-config", "data valkey.conf", "appendonly yes"),
    Fault(redis.one_primary, BASE, REDIS, "spec replicas", 2),
    Fault(redis.one_primary, BASE, REDIS, "spec persistentVolumeClaimRetentionPolicy"),
    Fault(redis.password, BASE, REDIS, f"{CONTAINER} args", ["/etc/valkey/valkey.conf"]),
    Fault(redis.password, BASE, REDIS, f"{CONTAINER} env 0 name", "REDIS_PASSWORD"),
    Fault(redis.governing_services, BASE, REDIS, "spec serviceName", "redis"),
    Fault(redis.governing_services, BASE, "Service/bridge-redis", "spec clusterIP"),
    Fault(redis.isolation, BASE, "NetworkPolicy/bridge-redis"),
    Fault(redis.isolation, BASE, "NetworkPolicy/bridge-redis", "spec ingress 0 from"),
    Fault(redis.isolation, BASE, "NetworkPolicy/bridge-redis", "spec policyTypes", ["Ingress"]),
]
