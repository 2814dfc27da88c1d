"""The bill of materials of an image as a CycloneDX document: Debian's packages, Python's, and the models.

Debian packages carry their source package in the purl's `upstream`, under which Debian's advisories are filed. A model
is a component of the type `machine-learning-model` (CycloneDX 1.5), with the digest of the bundle's model file.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from release.pipeline.image_contents import ImageContents, Package

_NAMESPACE = uuid.UUID("6a9a2d0e-4f4c-5d5b-9a53-0d2f4f0c7a11")


class InvalidDocumentError(Exception):
    """The document breaks the schema of CycloneDX."""


def document(contents: ImageContents, at: datetime | None = None) -> str:
    """The CycloneDX 1.6 JSON document, checked against the schema. One image always gets the same serial number.

    Raises InvalidDocumentError.
    """
    image = _image(contents)
    bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, contents.image_id),
        metadata=BomMetaData(component=image, timestamp=at or datetime.now(UTC)),
        components=_components(contents),
    )
    bom.register_dependency(image, bom.components)
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    validate(text)
    return text


def validate(text: str) -> None:
    """Raises InvalidDocumentError, which names the place."""
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise InvalidDocumentError(f"not CycloneDX 1.6: {problem}")


def _components(contents: ImageContents) -> Iterator[Component]:
    system = contents.distribution
    yield Component(
        type=ComponentType.OPERATING_SYSTEM,
        name=system.get("ID", "debian"),
        version=system.get("VERSION_ID"),
        description=system.get("PRETTY_NAME"),
        bom_ref="operating-system",
    )
    yield from (_debian(package, contents) for package in contents.debian)
    yield from (_python(package) for package in contents.python)
    yield from (_model(model) for model in contents.models)


def _image(contents: ImageContents) -> Component:
    """The image itself: by its digest where it is in a registry, else by the engine's id for it."""
    name, _, version = contents.reference.partition("@")
    if not version and ":" in name.rpartition("/")[2]:
        name, _, version = name.rpartition(":")
    digests = {digest.rpartition("@")[2] for digest in contents.repo_digests if digest.startswith(f"{name}@")}
    digest = version if version.startswith("sha256:") else min(digests, default="")
    purl = PackageURL(
        "oci",
        None,
        name.rpartition("/")[2].lower(),
        digest or contents.image_id,
        {"repository_url": name, "arch": contents.architecture},
    )
    return Component(
        type=ComponentType.CONTAINER,
        name=name,
        version=version or contents.image_id,
        purl=purl,
        bom_ref=purl.to_string(),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=contents.image_id.removeprefix("sha256:"))],
        description=contents.labels.get("org.opencontainers.image.description"),
    )


def _debian(package: Package, contents: ImageContents) -> Component:
    source = re.fullmatch(r"(\S+)(?: \((\S+)\))?", package.fields["Source"] or package.name)
    upstream = source[1] + (f"@{source[2]}" if source[2] else "") if source else package.name
    distribution = f"{contents.distribution.get('ID')}-{contents.distribution.get('VERSION_ID')}"
    purl = PackageURL(
        "deb",
        "debian",
        package.name,
        package.version,
        {"arch": package.fields["Architecture"], "distro": distribution, "upstream": upstream},
    )
    return Component(
        name=package.name,
        version=package.version,
        purl=purl,
        bom_ref=purl.to_string(),
        publisher=package.fields["Maintainer"],
    )


def _python(package: Package) -> Component:
    purl = PackageURL("pypi", None, re.sub(r"[-_.]+", "-", package.name).lower(), package.version)
    licence = package.fields["License-Expression"]
    return Component(
        name=package.name,
        version=package.version,
        purl=purl,
        # one distribution may be in an image twice, in two places
        bom_ref=f"{purl.to_string()}#{package.place}",
        description=package.fields["Summary"],
        licenses=[LicenseFactory().make_from_string(licence)] if licence else (),
    )


def _model(model: dict[str, Any]) -> Component:
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=model["name"],
        version=model["version"],
        bom_ref=f"model:{model['name']}@{model['version']}",
        description=model.get("description"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=model["sha256"])],
        licenses=[LicenseFactory().make_from_string(model["licence"])] if model.get("licence") else (),
    )
