"""What is in the practice bundle: the package repository with a bundle for each package, the Tanzu Standard repository,
and the images of the agents that later run in managed clusters.

Names of packages and versions are the release's; names of images are made up where no source gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import yaml

from installer_tasks.rehearsal.bundle_images import (
    Element,
    Image,
    Layer,
    make_image,
    make_index,
    make_layer,
    practice_bytes,
    random_layer,
)
from installer_tasks.releases import Package, Release

ACCOUNT = "498533941640.dkr.ecr.us-west-2.amazonaws.com"
BUNDLE_LABEL = {"dev.carvel.imgpkg.bundle": "true"}
STANDARD_TAG = "v2025.6.17"
SHARED_IMAGES = ("kube-rbac-proxy", "os-shell")  #: side by side with the main container of several packages
AGENTS = (
    "agent-updater/agent-updater",
    "extension-manager/extension-manager",
    "extension-updater/extension-updater",
    "intent-agent/intent-agent",
    "policy-sync/policy-sync-extension",
    "data-protection-images/velero",
)
INSPECTION = ("inspection-images/sonobuoy", "inspection-images/agnhost", "inspection-images/pause")
STANDARD_PACKAGES = {"cert-manager": "1.12.10", "contour": "1.29.1", "prometheus": "2.45.0"}
_BASES = {"photon": (1.0, 0.45), "bitnami": (0.7, 0.3), "static": (0.12, 0.02)}  #: parts of the largest layer
_SMALLEST = 2048


@dataclass(frozen=True)
class Scale:
    """How large a practice bundle is."""

    name: str
    largest_layer: int  #: of the shared base layers
    largest_own_layer: int  #: of the layers that one image has alone
    images_per_package: int
    agents: int


FULL = Scale("full", 4_100_000, 2_100_000, 8, len(AGENTS))
SMALL = Scale("small", 96 * 1024, 24 * 1024, 1, 2)


@dataclass
class Workshop:
    """Makes images of one scale; base layers are made once and shared."""

    scale: Scale
    _made: dict[str, Layer] = field(default_factory=dict)

    @property
    def empty_layer(self) -> Layer:
        """What a build step that changes nothing leaves behind; many images have it."""
        return self._layer("empty", partial(make_layer, {}))

    def image(self, name: str, *, tag: str = "", number: int = 0) -> Element:
        """`number` varies the kind: Docker or OCI, several platforms, empty and doubled layers."""
        repository = f"{ACCOUNT}/{name}"
        if number % 6 == 4:
            images = {part: self._one(repository, name, part, number) for part in ("amd64", "arm64")}
            return make_index(repository, images, tag=tag)
        return self._one(repository, name, "amd64", number, tag=tag)

    def bundle(
        self, name: str, files: Mapping[str, str], images: Sequence[tuple[str, Element]], *, tag: str = ""
    ) -> Image:
        """A Carvel bundle: configuration, and the digests of the images that it names."""
        content = {**files, ".imgpkg/images.yml": _images_lock(images)}
        layer = make_layer({path: text.encode() for path, text in sorted(content.items())})
        return make_image(f"{ACCOUNT}/{name}", [layer], tag=tag, labels=BUNDLE_LABEL, docker=True)

    def _one(self, repository: str, name: str, architecture: str, number: int, *, tag: str = "") -> Image:
        family = tuple(_BASES)[number % len(_BASES)]
        own = [self._own(f"{name}:{architecture}:{part}") for part in ("program", "settings")]
        layers = [*self._base(family, architecture), *own]
        if number % 3 == 1:
            layers.insert(2, self.empty_layer)
        if number % 7 == 3:
            layers.append(own[-1])
        return make_image(repository, layers, tag=tag, architecture=architecture, docker=number % 2 == 0)

    def _base(self, family: str, architecture: str) -> list[Layer]:
        largest = self.scale.largest_layer // (1 if architecture == "amd64" else 8)
        layers = []
        for number, part in enumerate(_BASES[family]):
            name, size = f"base:{family}:{architecture}:{number}", max(int(largest * part), _SMALLEST)
            layers.append(self._layer(name, partial(random_layer, name, size)))
        return layers

    def _own(self, name: str) -> Layer:
        """Sizes spread evenly over the orders of magnitude, as real layers do."""
        position = int.from_bytes(practice_bytes(f"size:{name}", 4), "big") / 2**32
        size = int(_SMALLEST * (self.scale.largest_own_layer / _SMALLEST) ** position)
        return random_layer(name, size)

    def _layer(self, name: str, make: Callable[[], Layer]) -> Layer:
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


@dataclass(frozen=True)
class Content:
    """What goes into one imgpkg tar."""

    file: str
    elements: tuple[Element, ...]
    root: Element | None = None


def contents(release: Release, scale: Scale) -> Iterator[Content]:
    workshop = Workshop(scale)
    yield _package_repository(release, workshop)
    yield _standard_repository(workshop)
    for number, name in enumerate(INSPECTION[: scale.agents]):
        yield _single("dependencies", name, workshop, number)
    for number, name in enumerate(AGENTS[: scale.agents]):
        yield _single("agent-images", name, workshop, number + len(INSPECTION))


def _single(folder: str, name: str, workshop: Workshop, number: int) -> Content:
    image = workshop.image(f"extensions/{name}", tag=f"v1.{number}.0", number=number)
    return Content(f"{folder}/{name.rpartition('/')[2]}.tar", (image,))


def _package_repository(release: Release, workshop: Workshop) -> Content:
    elements: list[Element] = []
    bundles: list[tuple[str, Element]] = []
    files: dict[str, str] = {}
    for package in release.packages:
        images = _package_images(package, workshop, len(elements))
        config = {"config/deployment.yaml": _config_text(package.name, [name for name, _image in images])}
        bundle = workshop.bundle(f"packages/{package.ref_name}", config, images)
        elements += [*(image for _name, image in images), bundle]
        bundles.append((package.ref_name, bundle))
        files |= package_files(package.ref_name, package.version, bundle, {"type": "object"}, package.name)
    parent = workshop.bundle(f"packages/{release.ref_name}", {"config/packages.yaml": _children_text(release)}, [])
    files |= package_files(
        release.ref_name, release.version, parent, dict(release.values_schema), "Tanzu Mission Control Self-Managed"
    )
    bundles.append((release.ref_name, parent))
    root = workshop.bundle("packages/package-repository", files, bundles, tag=release.version)
    return Content("packages/package-repository.tar", (*elements, parent, root), root)


def _package_images(package: Package, workshop: Workshop, number: int) -> list[tuple[str, Element]]:
    """One for each workload, and shared ones where a workload has several containers."""
    names = [workload.name for workload in package.workloads][: workshop.scale.images_per_package]
    images = [
        (name, workshop.image(f"tmc-local/{package.name}/{name}", number=number + place))
        for place, name in enumerate(names)
    ]
    if any(workload.containers > 1 for workload in package.workloads):
        images += [
            (name, workshop.image(f"tmc-local/shared/{name}", number=place)) for place, name in enumerate(SHARED_IMAGES)
        ]
    return images


def _standard_repository(workshop: Workshop) -> Content:
    elements: list[Element] = []
    bundles: list[tuple[str, Element]] = []
    files: dict[str, str] = {}
    for number, (name, version) in enumerate(STANDARD_PACKAGES.items()):
        ref_name = f"{name}.tanzu.vmware.com"
        images = [(name, workshop.image(f"packages/standard/{name}", number=number))]
        bundle = workshop.bundle(
            f"packages/standard/{name}-package", {"config/deployment.yaml": _config_text(name, [name])}, images
        )
        elements += [images[0][1], bundle]
        bundles.append((ref_name, bundle))
        files |= package_files(ref_name, f"{version}+vmware.1-tkg.1", bundle, {"type": "object"}, name)
    root = workshop.bundle("packages/standard/repo", files, bundles, tag=STANDARD_TAG)
    return Content("dependencies/tanzu-standard-repo.tar", (*elements, root), root)


def package_files(
    ref_name: str, version: str, bundle: Element, values_schema: Mapping[str, Any], title: str
) -> dict[str, str]:
    """The two files of a package in a package repository."""
    metadata = {
        "apiVersion": "data.packaging.carvel.dev/v1alpha1",
        "kind": "PackageMetadata",
        "metadata": {"name": ref_name},
        "spec": {"displayName": title, "shortDescription": f"Practice stand-in of {title}", "providerName": "Practice"},
    }
    template = {
        "fetch": [{"imgpkgBundle": {"image": bundle.reference}}],
        "template": [{"ytt": {"paths": ["config/"]}}, {"kbld": {"paths": ["-", ".imgpkg/images.yml"]}}],
        "deploy": [{"kapp": {}}],
    }
    package = {
        "apiVersion": "data.packaging.carvel.dev/v1alpha1",
        "kind": "Package",
        "metadata": {"name": f"{ref_name}.{version}"},
        "spec": {
            "refName": ref_name,
            "version": version,
            "valuesSchema": {"openAPIv3": dict(values_schema)},
            "template": {"spec": template},
        },
    }
    return {
        f"packages/{ref_name}/metadata.yml": _yaml(metadata),
        f"packages/{ref_name}/{version}.yml": _yaml(package),
    }


def _images_lock(images: Sequence[tuple[str, Element]]) -> str:
    entries = [
        {"image": image.reference, "annotations": {"kbld.carvel.dev/id": f"{name}:practice"}} for name, image in images
    ]
    return _yaml({"apiVersion": "imgpkg.carvel.dev/v1alpha1", "kind": "ImagesLock", "images": entries})


def _config_text(name: str, images: Sequence[str]) -> str:
    containers = [{"name": image, "image": f"{image}:practice"} for image in images]
    return _yaml(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"template": {"spec": {"containers": containers}}},
        }
    )


def _children_text(release: Release) -> str:
    """The PackageInstalls that the parent makes."""
    documents = [
        {
            "apiVersion": "packaging.carvel.dev/v1alpha1",
            "kind": "PackageInstall",
            "metadata": {"name": package.name, "namespace": release.namespace},
            "spec": {"packageRef": {"refName": package.ref_name, "versionSelection": {"constraints": package.version}}},
        }
        for package in release.packages
    ]
    return "---\n".join(_yaml(document) for document in documents)


def _yaml(document: Any) -> str:
    return yaml.dump(document, Dumper=_PlainDumper, sort_keys=False, width=10_000)


class _PlainDumper(yaml.SafeDumper):
    """Without anchors, which other YAML readers of such files do not expect."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's shape
        return True
