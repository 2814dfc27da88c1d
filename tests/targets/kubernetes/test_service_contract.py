"""What the manifests tell the service is what the service understands: command line, settings, paths, flight plan."""

from __future__ import annotations

import pytest

from image_classifier.bundle import load_bundle
from serving.command import parser
from serving.flighting.plan import read
from serving.settings import settings_from
from targets.kubernetes.documents import Document, of_kind, pods
from tests.targets.kubernetes.manifests import ROOT, needs_kubectl, rendered

FOLDERS = (
    "kubernetes/overlays/dev",
    "kubernetes/overlays/test",
    "kubernetes/overlays/prod",
    "kubernetes/kserve",
)
FLIGHT = "/etc/serving/flight.json"


@pytest.fixture(scope="module")
def folders() -> dict[str, list[Document]]:
    needs_kubectl()
    return rendered()


@pytest.fixture(scope="module")
def containers(folders: dict[str, list[Document]]) -> dict[str, Document]:
    """The one container of each folder."""
    return {
        name: next(container for pod in pods(folders[name]) for _, container in pod.containers())
        for name in FOLDERS
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_service_takes_its_command_line_and_settings(
    containers: dict[str, Document], folder: str
) -> None:
    container = containers[folder]
    assert container["args"][:3] == ["python3", "-m", "serving"]
    options = parser().parse_args(container["args"][3:])
    (port,) = container["ports"]
    assert (options.host, options.port) == ("0.0.0.0", port["containerPort"])
    assert options.workers == int(container["resources"]["limits"]["cpu"])
    if options.flights:
        assert str(options.flights) == FLIGHT
    else:
        load_bundle(options.bundle)
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    settings = settings_from(environment)
    assert settings.drain_delay_s == float(environment["SERVING_DRAIN_DELAY_S"])
    assert settings.drain_timeout_s == int(environment["SERVING_DRAIN_TIMEOUT_S"])


@pytest.mark.parametrize("folder", FOLDERS[:3])
def test_the_service_and_not_the_proxy_refuses_a_body_that_is_too_large(
    folders: dict[str, list[Document]], containers: dict[str, Document], folder: str
) -> None:
    (ingress,) = of_kind(folders[folder], "Ingress")
    size = ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    assert size.endswith("m")  # NGINX's mebibytes
    environment = {entry["name"]: entry["value"] for entry in containers[folder]["env"]}
    assert int(size.removesuffix("m")) << 20 > settings_from(environment).body_bytes


def test_the_shipped_plan_is_one_and_its_bundles_are_in_the_image() -> None:
    plan = read(ROOT / "targets/kubernetes/components/flighting/flight.json")
    for variant in plan.variants:
        load_bundle(variant.bundle)
