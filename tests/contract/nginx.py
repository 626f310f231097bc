"""A real nginx before a registry, as a child of a test: one process in the foreground, nothing left behind."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.docker_registry import free_port, program_path
from tests.waiting import listens_on, stop, until_it_serves


@contextmanager
def nginx(
    folder: Path, backend: str, limit: str = "1m", *, tls: tuple[Path, Path] | None = None, more: str = ""
) -> Iterator[str]:
    """Its address. Everything it writes is below `folder`; TLS with certificate and key; `more` is for the location."""
    folder.mkdir()
    port = free_port()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    secured = f"ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};" if tls else ""
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 256; }}
        http {{
            access_log {folder}/access.log; client_max_body_size {limit};
            {temporary}
            server {{
                listen 127.0.0.1:{port} {"ssl" if tls else ""}; {secured}
                location / {{
                    proxy_pass http://{backend}; proxy_http_version 1.1; proxy_set_header Host $http_host;
                    {more}
                }}
            }}
        }}
        """
    )
    log = folder / "output.log"
    with log.open("wb") as output:
        command = [program_path("nginx"), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until_it_serves(process, lambda: listens_on(port), lambda: log.read_text(errors="replace"))
        yield f"localhost:{port}"
    finally:
        stop(process)
