"""What the manifests tell the service is what the service understands: command line, settings, paths, flight plan."""

from __future__ import annotations

import pytest

from image_classifier.bundle import load_bundle
from serving.command import parser
from serving.flighting.plan import read
from serving.settings import settings_from
from targets.kubernetes.documents import Document, pods
from tests.targets.kubernetes.manifests import ROOT, needs_kubectl, rendered

FOLDERS = (
    "kubernetes/overlays/dev",
    "kubernetes/overlays/test",
    "kubernetes/overlays/prod",
    "kubernetes/kserve",
)
FLIGHT = "/etc/serving/flight.json"


@pytest.fixture(scope="module")
def containers() -> dict[str, Document]:
    """The one container of each folder."""
    needs_kubectl()
    found = rendered()
    return {
        name: next(container for pod in pods(found[name]) for _, container in pod.containers())
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


def test_the_shipped_plan_is_one_and_its_bundles_are_in_the_image() -> None:
    plan = read(ROOT / "targets/kubernetes/components/flighting/flight.json")
    for variant in plan.variants:
        load_bundle(variant.bundle)
