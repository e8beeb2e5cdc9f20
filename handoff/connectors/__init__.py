"""Looking up an application at another agency: each connector is a YAML file that says how to ask and how to read the
answer (docs/connectors.md). Nothing here knows of cases or conversations."""

from __future__ import annotations

from handoff.connectors.client import Away, Connectors, Found, Outcome, Unknown
from handoff.connectors.loader import ConnectorError, load
from handoff.connectors.schema import Connector

__all__ = ["Away", "Connector", "ConnectorError", "Connectors", "Found", "Outcome", "Unknown", "load"]
