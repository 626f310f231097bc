"""What runs: Redis, worker, web, guard; each as a value."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from installer_tasks.local.processes import guard, redis
from installer_tasks.local.processes.child import Program
from installer_tasks.local.processes.tls import Files

ROOT = Path(__file__).resolve().parents[3]
#: Of our own environment the worker and the web server get these; Redis and the guard get none of them.
SETTINGS = (
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "REDIS_URL",
    "REDIS_URL_FILE",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "PYTHONPATH",
    "PYTHONWARNINGS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
OWN_PREFIX = "TMC_INSTALLER_"
#: Django's remark on every static file that WhiteNoise serves; they are small (docs/decisions/whitenoise.md).
QUIET = "ignore:StreamingHttpResponse must consume synchronous iterators"


def settings_names() -> tuple[str, ...]:
    return (*SETTINGS, *(name for name in os.environ if name.startswith(OWN_PREFIX)))


def redis_server(state: Path, path: Path) -> Program:
    data = state / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    return Program("redis", tuple(redis.argv(redis.find(), path, data)), _log(state, "redis"))


def worker(state: Path, env: Mapping[str, str], concurrency: int) -> Program:
    """Several prefork children: checks of one installation run beside the run of another."""
    argv = [sys.executable, "-m", "celery", "-A", "installer_tasks", "worker", "--loglevel", "INFO"]
    # Gossip and mingle talk to other workers; here there is one, and without them it starts a second sooner.
    argv += ["--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
    return _django("worker", argv, state, env)


def web(
    state: Path, env: Mapping[str, str], application: str, host: str, port: int, *, tls: Files | None = None
) -> Program:
    argv = [sys.executable, "-W", QUIET, "-m", "installer_tasks.local.processes.uvicorn_server"]
    argv += [application, host, str(port), *((str(tls.certificate), str(tls.key)) if tls else ())]
    return _django("web", argv, state, env)


def guard_of(supervisor: int, state: Path, groups: Path) -> Program:
    argv = (sys.executable, "-I", "-S", guard.__file__, str(supervisor), str(groups))
    return Program("guard", argv, _log(state, "guard"))


def _django(name: str, argv: list[str], state: Path, env: Mapping[str, str]) -> Program:
    own = {"DJANGO_SETTINGS_MODULE": "wizard.settings", "PYTHONUNBUFFERED": "1", **env}
    return Program(name, tuple(argv), _log(state, name), env=own, pass_env=settings_names(), folder=ROOT)


def _log(state: Path, name: str) -> Path:
    return state / "logs" / f"{name}.log"
