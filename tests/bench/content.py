"""What is pushed in the measurement: images as OCI layouts, seeded, half of their layers shared.

Layers are gzip with stored blocks around random bytes: their size is known, making them is quick, and no tool feels
tempted to compress them anew.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import tarfile
from pathlib import Path

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYERS_EACH = 6
TAG = "1.0"


def make_layouts(folder: Path, images: int, total: int, seed: int = 4) -> Path:
    """`images` layouts below `folder` with `total` unique bytes; blobs that are shared are hard links."""
    chance = random.Random(seed)
    sizes = _sizes(chance, images, total)
    pool = [_write_layer(folder / "pool", number, size) for number, size in enumerate(sizes)]
    shared = pool[: images // 3 or 1]
    own = iter(pool[len(shared) :])
    for number in range(images):
        mine = [next(own) for _layer in range(LAYERS_EACH // 2)]
        theirs = [shared[(number * 5 + step * 3) % len(shared)] for step in range(LAYERS_EACH // 2)]
        _write_layout(folder / "layouts" / f"image-{number:02}", [*mine, *dict.fromkeys(theirs)], number)
    return folder / "layouts"


def make_sparse_layouts(folder: Path, size: int, layers: int = 3) -> Path:
    """One image with layers of holes, `size` bytes in all: what a push of that size costs in memory, not in disk."""
    made = []
    for number in range(layers):
        file = folder / "pool" / f"sparse-{number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as out:
            out.write(b"\x1f\x8b" + bytes([number]))
            out.truncate(size // layers)
        made.append((file, f"sha256:{_hash(file)}", f"sha256:{_hash(file)}"))
    _write_layout(folder / "layouts" / "sparse", made, 0)
    return folder / "layouts"


def _sizes(chance: random.Random, images: int, total: int) -> list[int]:
    """Log-normal as of real images: many of some megabytes, few of a hundred."""
    count = (images // 3 or 1) + images * LAYERS_EACH // 2
    raw = [min(chance.lognormvariate(1.4, 1.2), 24.0) for _number in range(count)]
    return [max(int(entry * total / sum(raw)), 1000) for entry in raw]


Made = tuple[Path, str, str]  # file, digest, digest of the unpacked


def _write_layer(folder: Path, number: int, size: int) -> Made:
    folder.mkdir(parents=True, exist_ok=True)
    data = random.Random(number).randbytes(size)
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w:", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(f"data-{number}")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    packed = gzip.compress(plain.getvalue(), compresslevel=0, mtime=0)
    file = folder / f"layer-{number}"
    file.write_bytes(packed)
    return file, _digest(packed), _digest(plain.getvalue())


def _write_layout(folder: Path, layers: list[Made], number: int) -> None:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for file, digest, _unpacked in layers:
        os.link(file, blobs / digest[7:])
    settings = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"number": str(number)}},
        "rootfs": {"type": "layers", "diff_ids": [unpacked for _file, _digest, unpacked in layers]},
    }
    config = _keep(blobs, settings, CONFIG)
    described = [
        {"mediaType": LAYER, "digest": digest, "size": file.stat().st_size} for file, digest, _unpacked in layers
    ]
    manifest = _keep(
        blobs, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": described}, MANIFEST
    )
    named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": TAG}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def _keep(blobs: Path, document: object, media_type: str) -> dict[str, object]:
    data = json.dumps(document).encode()
    (blobs / _digest(data)[7:]).write_bytes(data)
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def unique_bytes(layouts: Path) -> int:
    """What an empty registry has to be sent: blobs by digest, without manifests."""
    sizes: dict[str, int] = {}
    for layout in layouts.iterdir():
        for manifest in json.loads((layout / "index.json").read_text())["manifests"]:
            document = json.loads((layout / "blobs" / "sha256" / manifest["digest"][7:]).read_text())
            sizes.update({entry["digest"]: entry["size"] for entry in (document["config"], *document["layers"])})
    return sum(sizes.values())
