"""What is left to do of a push, and what waits for what: blobs in repositories, manifests, tags."""

from __future__ import annotations

from dataclasses import dataclass, field

from installer_tasks.systems.bundle import Blob, Manifest
from installer_tasks.systems.registry.plan import PlannedImage, PushPlan


@dataclass(eq=False)
class Content:
    """A blob, wherever it is needed: who has it, who is getting it first, who waits to mount it."""

    blob: Blob
    holders: set[str] = field(default_factory=set)
    leader: BlobPlacement | None = None
    waiting: list[BlobPlacement] = field(default_factory=list)
    counted: bool = False


@dataclass(eq=False)
class BlobPlacement:
    """A blob needed in a repository."""

    repository: str
    content: Content
    window: int
    nodes: list[Node] = field(default_factory=list)
    settled: bool = False

    @property
    def blob(self) -> Blob:
        return self.content.blob

    @property
    def urgency(self) -> tuple[int, int]:
        """Largest first within a window of whole images."""
        return self.window, -self.blob.size


@dataclass(eq=False)
class Node:
    """A manifest needed in a repository; `waits_for` counts blobs and children that are not there yet."""

    repository: str
    manifest: Manifest
    window: int
    pairs: list[BlobPlacement] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    parents: list[Node] = field(default_factory=list)
    image: PlannedImage | None = None
    waits_for: int = 0
    present: bool = False
    resent: bool = False


class Graph:
    """All nodes and pairs of a plan. Holds no lock; the engine does."""

    def __init__(self, plan: PushPlan) -> None:
        self.plan = plan
        self.contents: dict[str, Content] = {}
        self.pairs: dict[tuple[str, str], BlobPlacement] = {}
        self.nodes: dict[tuple[str, str], Node] = {}
        for image in plan.images:
            self._node(image.repository, image.digest, image.window).image = image

    def node_of(self, image: PlannedImage) -> Node:
        return self.nodes[image.repository, image.digest]

    def _node(self, repository: str, digest: str, window: int) -> Node:
        node = self.nodes.get((repository, digest))
        if node is None:
            manifest = self.plan.manifests[digest]
            node = self.nodes[repository, digest] = Node(repository, manifest, window)
            for entry in {blob.digest: blob for blob in manifest.blobs}.values():
                if entry.digest in self.plan.blobs:
                    node.pairs.append(self._pair(node, entry.digest))
            for digest_below in {child.digest: child for child in manifest.children}:
                child = self._node(repository, digest_below, window)
                child.parents.append(node)
                node.children.append(child)
        return node

    def _pair(self, node: Node, digest: str) -> BlobPlacement:
        pair = self.pairs.get((node.repository, digest))
        if pair is None:
            content = self.contents.setdefault(digest, Content(self.plan.blobs[digest]))
            pair = self.pairs[node.repository, digest] = BlobPlacement(node.repository, content, node.window)
        pair.nodes.append(node)
        return pair

    def mark_present(self, node: Node) -> list[BlobPlacement]:
        """The registry has this manifest, hence all below it; the pairs that this has settled."""
        found: list[BlobPlacement] = []
        if node.present:
            return found
        node.present = True
        for child in node.children:
            found += self.mark_present(child)
        for pair in node.pairs:
            pair.content.holders.add(pair.repository)
            if not pair.settled:
                pair.settled = True
                found.append(pair)
        return found

    def count_waits(self) -> None:
        """Once all questions about manifests are answered: what each absent one waits for."""
        for node in self.nodes.values():
            open_pairs = sum(not pair.settled for pair in node.pairs)
            node.waits_for = open_pairs + sum(not child.present for child in node.children)
