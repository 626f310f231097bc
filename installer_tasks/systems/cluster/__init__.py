"""Kubernetes: access, kubeconfigs as data, and the Carvel and cert-manager objects an installation is made of.

The only package that imports the `kubernetes` library. Everything goes in and out as plain dicts.
"""

from __future__ import annotations
