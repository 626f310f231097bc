"""The ASGI application that uvicorn serves."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from installer_tasks.local import log_redaction
from wizard.bodies import BoundedBodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizard.settings")

application = BoundedBodies(get_asgi_application())
log_redaction.install()
