"""The catalogue: what each service requires, costs and takes, with the source of every fact.

Facts live in YAML (`data/catalogue`, format in docs/catalogue.md), an agency's own facts in an overlay folder. This
package loads and validates them (`load`), and renders answers and pages from them (`render`). It decides nothing and
knows no conversation.
"""

from handoff.catalogue.loader import Catalogue, CatalogueError, load
from handoff.catalogue.render import Button, Page, Rendered
from handoff.catalogue.schema import ASPECTS, Aspect, Topic

__all__ = ["ASPECTS", "Aspect", "Button", "Catalogue", "CatalogueError", "Page", "Rendered", "Topic", "load"]
