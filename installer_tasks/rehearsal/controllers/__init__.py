"""Scripted controllers: they make the practice cluster behave as one with kapp-controller, cert-manager and nodes.

`Controllers(store, pace, hooks).start()` watches the store and brings its objects towards what they ask for.
"""

from __future__ import annotations

from installer_tasks.rehearsal.controllers.fetching import FetchFailed, fetch_bundle
from installer_tasks.rehearsal.controllers.issuing import Issued
from installer_tasks.rehearsal.controllers.loop import Controllers
from installer_tasks.rehearsal.controllers.pace import PACES, Pace
from installer_tasks.rehearsal.controllers.world import Address, Hooks

__all__ = ["PACES", "Address", "Controllers", "FetchFailed", "Hooks", "Issued", "Pace", "fetch_bundle"]
