"""The manifests in deploy/: what each rendered set must be, and proof that each check can fail."""

from __future__ import annotations

import copy
from urllib.parse import urlsplit

import pytest
import yaml

from tests import deploy_checks as checks
from tests import deploy_pod_checks as pods
from tests import deploy_redis_checks as redis
from tests.deploy_faults import FAULTS, Fault
from tests.deploy_manifests import Manifest, component, find, of_kind, title
from tests.deploy_render import (
    DEPLOY,
    OPERATOR_PROVIDED,
    NoKustomizeError,
    example_secrets,
    kustomize_command,
    render,
)

KUSTOMIZATIONS = sorted(str(path.parent.relative_to(DEPLOY)) for path in DEPLOY.rglob("kustomization.yaml"))

Rendered = dict[str, list[Manifest]]


@pytest.fixture(scope="session")
def kustomize(request: pytest.FixtureRequest) -> list[str]:
    """A command that renders; without one, these tests are skipped and the run says so in red."""
    try:
        return kustomize_command()
    except NoKustomizeError as error:
        if terminal := request.config.pluginmanager.get_plugin("terminalreporter"):
            terminal.write_line(f"\nNOT CHECKED, deploy/: {error}", red=True)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def all_rendered(kustomize: list[str]) -> Rendered:
    """Every kustomization, rendered once, with what its operator adds."""
    return {name: [*render(DEPLOY / name, kustomize), *OPERATOR_PROVIDED] for name in KUSTOMIZATIONS}


@pytest.fixture(params=KUSTOMIZATIONS)
def rendered(request: pytest.FixtureRequest, all_rendered: Rendered) -> list[Manifest]:
    """Each kustomization in turn."""
    return all_rendered[request.param]


def test_the_base_and_both_overlays_are_here() -> None:
    """A kustomization that is not found would not be checked either."""
    assert {"base", "overlays/example", "overlays/external-redis"} <= set(KUSTOMIZATIONS)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_check_reports_its_fault(fault: Fault, all_rendered: Rendered) -> None:
    """Each check is silent about what we ship and speaks up after a single change."""
    documents = copy.deepcopy(all_rendered[fault.kustomization])
    before = fault.check(documents)
    fault.inject(documents)
    assert (before, bool(fault.check(documents))) == ([], True)


def test_every_check_has_a_fault() -> None:
    """A check that no fault has made speak could be one that cannot."""
    public = {
        check
        for module in (checks, pods, redis)
        for name, check in vars(module).items()
        if callable(check) and getattr(check, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    assert public == {fault.check for fault in FAULTS}


def test_the_schema(rendered: list[Manifest]) -> None:
    """Every document is valid in the newest schema, unknown fields and kinds refused."""
    assert checks.schema(rendered) == []


def test_titles(rendered: list[Manifest]) -> None:
    """No document overwrites another when they are applied."""
    assert checks.unique_titles(rendered) == []


def test_workload_selectors(rendered: list[Manifest]) -> None:
    """Each workload owns its pods and no others."""
    assert checks.own_selectors(rendered) == []


def test_service_selectors(rendered: list[Manifest]) -> None:
    """Each Service sends to the pods of one workload."""
    assert checks.service_selectors(rendered) == []


def test_service_ports(rendered: list[Manifest]) -> None:
    """Each Service sends to a port that is there."""
    assert checks.service_ports(rendered) == []


def test_ingress_backends(rendered: list[Manifest]) -> None:
    """Each Ingress ends at a Service that is there."""
    assert checks.ingress_backends(rendered) == []


def test_ingress_paths(rendered: list[Manifest]) -> None:
    """The internet sees the webhooks and nothing else."""
    assert checks.ingress_paths(rendered) == []


def test_autoscalers(rendered: list[Manifest]) -> None:
    """Each autoscaler scales something, and nobody works against it."""
    assert checks.autoscalers(rendered) == []


def test_disruption_budgets(rendered: list[Manifest]) -> None:
    """A node can be drained, and never of all pods at once."""
    assert checks.disruption_budgets(rendered) == []


def test_config_maps(rendered: list[Manifest]) -> None:
    """Each ConfigMap that a pod waits for comes with it."""
    assert checks.config_maps(rendered) == []


def test_secret_keys(rendered: list[Manifest]) -> None:
    """Each Secret that a pod waits for comes with it, or is one that the operator is told to create."""
    assert checks.secret_keys(rendered) == []


def test_configured_secrets(rendered: list[Manifest]) -> None:
    """The example of the Secret has every name that bridge.yaml takes from it."""
    assert checks.configured_secrets(rendered) == []


def test_service_accounts(rendered: list[Manifest]) -> None:
    """No pod can talk to the Kubernetes API."""
    assert checks.service_accounts(rendered) == []


def test_network_policies(rendered: list[Manifest]) -> None:
    """No policy guards or admits nobody by mistake."""
    assert checks.network_policies(rendered) == []


def test_probe_ports(rendered: list[Manifest]) -> None:
    """Each probe knocks at a door that is there."""
    assert pods.probe_ports(rendered) == []


def test_probe_routes(rendered: list[Manifest]) -> None:
    """Each probe asks what the process can answer."""
    assert pods.probe_routes(rendered) == []


def test_redis_independence(rendered: list[Manifest]) -> None:
    """No running pod is taken away because Redis is."""
    assert pods.redis_independence(rendered) == []


def test_scrape_annotations(rendered: list[Manifest]) -> None:
    """Prometheus finds the metrics of the web and of the workers."""
    assert pods.scrape_annotations(rendered) == []


def test_operators_port(rendered: list[Manifest]) -> None:
    """The Service does not lead there."""
    assert pods.operators_port(rendered) == []


def test_commands(rendered: list[Manifest]) -> None:
    """The web serves and the worker works."""
    assert pods.commands(rendered) == []


def test_config_mounts(rendered: list[Manifest]) -> None:
    """The image finds its configuration."""
    assert pods.config_mounts(rendered) == []


def test_volume_mounts(rendered: list[Manifest]) -> None:
    """No pod hangs for a volume that nobody declares."""
    assert pods.volume_mounts(rendered) == []


def test_resources(rendered: list[Manifest]) -> None:
    """Each container says what it needs and what it may take."""
    assert pods.resources(rendered) == []


def test_grace_periods(rendered: list[Manifest]) -> None:
    """No process is killed while it finishes."""
    assert pods.grace_periods(rendered) == []


def test_pauses(rendered: list[Manifest]) -> None:
    """A pod that goes lingers by itself."""
    assert pods.pauses(rendered) == []


def test_rollouts(rendered: list[Manifest]) -> None:
    """A rollout with a broken image or configuration leaves the old pods at work."""
    assert pods.rollouts(rendered) == []


def test_spread(rendered: list[Manifest]) -> None:
    """One node less is not all pods less."""
    assert pods.spread(rendered) == []


def test_restrictions(rendered: list[Manifest]) -> None:
    """Each container has no right that it does not need."""
    assert pods.restrictions(rendered) == []


def test_service_links(rendered: list[Manifest]) -> None:
    """A Service of any name cannot become a setting of the bridge."""
    assert pods.service_links(rendered) == []


def test_images(rendered: list[Manifest]) -> None:
    """Each image is a version, and the registry is the operator's choice."""
    assert pods.images(rendered) == []


def test_redis_durability(rendered: list[Manifest]) -> None:
    """What was settled before a power cut is settled after it."""
    assert redis.durability(rendered) == []


def test_redis_room(rendered: list[Manifest]) -> None:
    """Redis refuses new events before it is killed for its size."""
    assert redis.room(rendered) == []


def test_redis_primary(rendered: list[Manifest]) -> None:
    """There is one truth, and deleting the StatefulSet does not delete it."""
    assert redis.one_primary(rendered) == []


def test_redis_password(rendered: list[Manifest]) -> None:
    """Redis and its probes use the one password of the Secret."""
    assert redis.password(rendered) == []


def test_redis_name(rendered: list[Manifest]) -> None:
    """The pod of the StatefulSet has a name in DNS."""
    assert redis.governing_services(rendered) == []


def test_redis_isolation(rendered: list[Manifest]) -> None:
    """Only the bridge reaches its Redis."""
    assert redis.isolation(rendered) == []


@pytest.mark.parametrize("name", ["base", "overlays/example"])
def test_the_example_url_reaches_the_shipped_redis(name: str, all_rendered: Rendered) -> None:
    """The REDIS_URL that an operator starts from names our Service, its port and the one password."""
    example = example_secrets()
    url = urlsplit(example["REDIS_URL"])
    service = find(all_rendered[name], f"Service/{url.hostname}")
    assert service is not None
    assert [port["port"] for port in service["spec"]["ports"]] == [url.port]
    assert url.password == example["REDIS_PASSWORD"]


def test_the_example_holds_placeholders_only() -> None:
    """No value of the committed example could be a real secret."""
    values = {name: value for name, value in example_secrets().items() if name != "REDIS_URL"}
    assert set(values.values()) == {"replace-me"}


def test_external_redis_leaves_ours_out(all_rendered: Rendered) -> None:
    """The overlay's patch matches: nothing of our Redis remains, and all else of the base does."""
    remaining = {title(document) for document in all_rendered["overlays/external-redis"]}
    assert remaining == {title(document) for document in all_rendered["base"] if not of_redis(document)}


def test_the_base_has_a_redis(all_rendered: Rendered) -> None:
    """The checks of Redis above are about something: they would be silent without one."""
    assert [component(found) for found in of_kind(all_rendered["base"], "StatefulSet")] == ["redis"]
    kinds = {document["kind"] for document in all_rendered["base"] if of_redis(document)}
    assert kinds == {"ServiceAccount", "ConfigMap", "StatefulSet", "Service", "NetworkPolicy"}


def of_redis(document: Manifest) -> bool:
    """Tell whether a document belongs to the Redis that we ship."""
    labels = document["metadata"].get("labels", {})
    return bool(labels.get("app.kubernetes.io/component") == "redis")


def test_every_file_is_used() -> None:
    """No manifest lies beside a kustomization that forgot it."""
    for name in KUSTOMIZATIONS:
        folder = DEPLOY / name
        listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
        generated = {"kustomization.yaml", "bridge.yaml"}
        assert {path.name for path in folder.glob("*.yaml")} - generated <= set(listed)
