"""The wizard on loopback in a thread of the test's process: what a test writes to its rows, pages show."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

from wizard.asgi import application


@contextmanager
def served(port: int = 0, host: str = "127.0.0.1") -> Iterator[int]:
    """Yields its port."""
    config = uvicorn.Config(
        ASGIStaticFilesHandler(application),
        host=host,
        port=port,
        lifespan="off",
        log_level="error",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
