"""What touches the customer's systems: engine, checks, clients and the practice estate.

Knows no page, no form and no request; `wizard` imports this package, never the other way round.
"""

from __future__ import annotations
