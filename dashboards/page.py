"""What a page of the dashboard is: an address, its words, a layout and its callbacks.

Knows the shape of a page and of a visit; must not know any page in particular.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from dashboards.settings import Settings
from dashboards.texts import Reader, language_of

if TYPE_CHECKING:
    import dash

    from dashboards.jobs import Jobs
    from dashboards.results import Shelf
    from dashboards.stores import Stores

__all__ = ["Page", "Services", "Visit", "query_of"]

LONGEST_QUERY = 16_000
MOST_FIELDS = 100


@dataclass(frozen=True)
class Services:
    """What pages ask work of; one for each server, nothing in it belongs to one user.

    Attributes
    ----------
    settings : limits of the server
    jobs : comparisons being made
    shelf : tables and drawn pieces of comparisons looked at lately
    stores : sweeps that pages may open
    """

    settings: Settings
    jobs: Jobs
    shelf: Shelf
    stores: Stores


@dataclass(frozen=True)
class Visit:
    """One page being opened by one reader.

    Attributes
    ----------
    reader : who reads, in which language
    query : fields of the address, untrusted
    services : what the page may ask for
    """

    reader: Reader
    services: Services
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """One page: one module of ``dashboards.pages`` with a ``PAGE``.

    Attributes
    ----------
    path : address, such as ``/library``
    id : names the texts ``nav.<id>``, ``title.<id>`` and ``about.<id>``
    layout : gives the page's content for a visit
    register : declares the page's callbacks, once for each app
    """

    path: str
    id: str
    layout: Callable[[Visit], Any]
    register: Callable[[dash.Dash, Services], None]


def query_of(search: object) -> dict[str, str]:
    """Fields of an address's query, cut to what any page needs; the first of each name.

    Examples
    --------
    >>> query_of("?lang=zh&arms=a%2Cb&lang=en")
    {'lang': 'zh', 'arms': 'a,b'}
    """
    if not isinstance(search, str) or len(search) > LONGEST_QUERY:
        return {}
    try:
        pairs = parse_qsl(search.removeprefix("?"), max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def reader_of(query: Mapping[str, str]) -> Reader:
    """The reader that an address speaks of."""
    return Reader(language_of(query.get("lang")))
