"""How fast the push engine is: a practice bundle into Debian's docker-registry on loopback, cold and again.

`make bench-push`; `make bench-push ARGS="--folder DIR"` keeps the bundle for the next time, `--bundle DIR` takes a real one.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from installer_tasks.bundle import ReleaseBundle, read_release_bundle
from installer_tasks.registry import PushResult, Reference, push, verify
from installer_tasks.rehearsal.bundle import make_bundle
from tests.contract.docker_registry import RunningRegistry, docker_registry


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="tmc-bench-") as name:
        bundle = read_release_bundle(options.bundle or make_bundle((options.folder or Path(name)) / "bundle"))
        print(f"{bundle.image_count} images, {bundle.total_bytes / 1e6:.1f} MB")
        for label, secure in (("plain HTTP", False), ("TLS, password", True)):
            with docker_registry(Path(name) / ("secured" if secure else "plain"), tls=secure, auth=secure) as registry:
                _measure(bundle, registry, label)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the practice bundle is kept (default: made anew)")
    parser.add_argument("--bundle", type=Path, help="an unpacked bundle to push in place of the practice one")
    return parser.parse_args()


def _measure(bundle: ReleaseBundle, registry: RunningRegistry, label: str) -> None:
    target = Reference.parse(f"{registry.host}/tmc")
    client = registry.client()
    try:
        _say(f"{label}, cold", push(bundle, target, client))
        _say(f"{label}, again", push(bundle, target, client))
        missing = verify(bundle, target, client).missing
        if missing:
            raise SystemExit(f"{len(missing)} of the images are not there")
    finally:
        client.close()


def _say(label: str, result: PushResult) -> None:
    rate = result.bytes_sent / 1e6 / result.seconds
    print(
        f"{label:<22} {result.seconds:6.2f} s  {result.bytes_sent / 1e6:8.1f} MB sent  {rate:7.1f} MB/s"
        f"  {result.blobs_sent} blobs sent, {result.blobs_mounted} mounted, {result.blobs_present} there"
    )


if __name__ == "__main__":
    main()
