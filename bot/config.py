"""Reading a component's part of config.yml."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import GraphComponent
from rasa.shared.exceptions import InvalidConfigException


def refuse_unknown_keys(component: type[GraphComponent], config: dict[str, Any]) -> None:
    """Raise `InvalidConfigException` for a key the component has no default for: Rasa itself would ignore it."""
    unknown = sorted(config.keys() - component.get_default_config().keys())
    if unknown:
        raise InvalidConfigException(f"config.yml: {component.__name__} knows no {', '.join(unknown)}.")
