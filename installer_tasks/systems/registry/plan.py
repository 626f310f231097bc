"""What a push has to do, decided before the first byte: images, manifests in order, and each unique blob once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from installer_tasks.systems.bundle import Archive, Blob, Incomplete, Manifest, MixedReleases, ReleaseBundle
from installer_tasks.systems.bundle.manifests import missing_content
from installer_tasks.systems.registry.reference import Reference
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

WINDOW_BYTES = 3 << 30  #: largest first within so many bytes of whole images, so that images land steadily
Source = ReleaseBundle | Archive | Iterable[Archive]


@dataclass(frozen=True)
class PlannedImage:
    """An image at its place. `own_tags` go up with its manifest; `last_tags` when everything of the push is there."""

    repository: str
    digest: str
    own_tags: tuple[str, ...]
    last_tags: tuple[str, ...]
    window: int

    @property
    def tags(self) -> tuple[str, ...]:
        return self.own_tags + self.last_tags


@dataclass(frozen=True)
class PushPlan:
    """Images in order, and all content by digest."""

    images: tuple[PlannedImage, ...]
    manifests: Mapping[str, Manifest] = field(repr=False)
    blobs: Mapping[str, Blob] = field(repr=False)

    @property
    def total_bytes(self) -> int:
        """Unique bytes: what an empty registry has to be sent, if it mounts between repositories."""
        return sum(self.blobs[digest].size for digest in self.used_blobs())

    def used_blobs(self) -> set[str]:
        return {digest for image in self.images for digest in self.blobs_of(image.digest)}

    def manifests_below(self, digest: str) -> Iterator[Manifest]:
        """The manifest and all below it, children first, each once."""
        yield from self._below(digest, set())

    def _below(self, digest: str, seen: set[str]) -> Iterator[Manifest]:
        if digest in seen:
            return
        seen.add(digest)
        for child in self.manifests[digest].children:
            yield from self._below(child.digest, seen)
        yield self.manifests[digest]

    def blobs_of(self, digest: str) -> Iterator[str]:
        """Digests of the blobs of a manifest and all below it; foreign layers that are not here are not pushed."""
        for manifest in self.manifests_below(digest):
            yield from (blob.digest for blob in manifest.blobs if blob.digest in self.blobs)


def archives_of(source: Source) -> tuple[Archive, ...]:
    if isinstance(source, ReleaseBundle):
        return source.archives
    return (source,) if isinstance(source, Archive) else tuple(source)


def make_plan(source: Source, target: Reference) -> PushPlan:
    """The plan; Incomplete when an image names content that is in none of the archives."""
    archives = archives_of(source)
    manifests = {digest: manifest for archive in archives for digest, manifest in archive.manifests.items()}
    blobs = {digest: blob for archive in archives for digest, blob in archive.blobs.items()}
    _require_complete(archives, manifests, blobs)
    bare = PushPlan((), manifests, blobs)
    merged = _merged_images(archives, target)
    alone = _repositories_of_one(merged)
    images, seen, planned = [], set[str](), 0
    for (repository, digest), tags in merged.items():
        new = set(bare.blobs_of(digest)) - seen
        own = tags if repository in alone else tuple(tag for tag in tags if is_own_tag(tag))
        last = tuple(tag for tag in tags if tag not in own)
        images.append(PlannedImage(repository, digest, own, last, planned // WINDOW_BYTES))
        seen |= new
        planned += sum(blobs[entry].size for entry in new)
    return PushPlan(tuple(images), manifests, blobs)


def is_own_tag(tag: str) -> bool:
    """Tags that imgpkg makes from a digest: they promise nothing but the image itself, so they need not wait."""
    return tag.startswith("sha256-") and tag.endswith(".imgpkg")


def _merged_images(archives: Iterable[Archive], target: Reference) -> dict[tuple[str, str], tuple[str, ...]]:
    """Tags by (repository, digest); two archives may hold the same image."""
    merged: dict[tuple[str, str], tuple[str, ...]] = {}
    owner: dict[tuple[str, str], str] = {}
    for archive in archives:
        for image in archive.images:
            repository = target.repository(image.repository)
            before = merged.get((repository, image.digest), ())
            merged[repository, image.digest] = tuple(dict.fromkeys((*before, *image.tags)))
            for tag in image.tags:
                if owner.setdefault((repository, tag), image.digest) != image.digest:
                    cause = text(_("Two different images need the same name %(name)s."), name=f"{repository}:{tag}")
                    raise MixedReleases(cause, value=str(archive.path))
    return merged


def _repositories_of_one(images: Iterable[tuple[str, str]]) -> set[str]:
    """Repositories with one image: its tag can wait for nothing else there."""
    count: dict[str, int] = {}
    for repository, _digest in images:
        count[repository] = count.get(repository, 0) + 1
    return {repository for repository, number in count.items() if number == 1}


def _require_complete(
    archives: tuple[Archive, ...], manifests: Mapping[str, Manifest], blobs: Mapping[str, Blob]
) -> None:
    missing = missing_content(manifests, blobs)
    if not missing:
        return
    cause = text(
        ngettext(
            "%(count)s image part is missing from the bundle: %(digest)s of image %(image)s.",
            "%(count)s image parts are missing from the bundle; the first is %(digest)s of image %(image)s.",
        ),
        count=len(missing),
        digest=missing[0].digest,
        image=missing[0].needed_by,
    )
    listing = "\n".join(f"{entry.digest} ({entry.size} bytes) of {entry.needed_by}" for entry in missing)
    raise Incomplete(cause, value=", ".join(sorted({str(archive.path) for archive in archives}))[:500], detail=listing)
