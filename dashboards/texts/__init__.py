"""Words of the dashboard: gettext catalogues, a folder per language and a file per page.

Knows keys and their texts in every language; must not know pages, Dash or results. What figures
and reports say stands in the two JSON catalogues beside the folders and is found here as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

from dashboards.figures import words
from dashboards.figures.canvas import Style

__all__ = ["LANGUAGES", "Reader", "catalogue", "language_of"]

FOLDER = Path(__file__).resolve().parent
LANGUAGES: tuple[str, ...] = words.LANGUAGES
_HTML_LANGUAGES = {"en": "en-US", "zh": "zh-CN"}


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """All texts of the pages in one language by key, untranslated keys left out.

    Raises
    ------
    ValueError
        If two files of the language define the same key.
    """
    texts: dict[str, str] = {}
    for path in sorted((FOLDER / lang).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=lang):
                if not message.id or not message.string:
                    continue
                key, text = str(message.id), str(message.string)
                if key in texts:
                    raise ValueError(f"{path.name}: {key} is defined twice in {lang}")
                texts[key] = text
    return texts


def language_of(text: object) -> str:
    """The language a reader asks for; English where it is none of ours.

    Examples
    --------
    >>> language_of("zh"), language_of("zh-CN"), language_of("fr"), language_of(None)
    ('zh', 'zh', 'en', 'en')
    """
    short = str(text or "")[:2].lower()
    return short if short in LANGUAGES else "en"


@dataclass(frozen=True)
class Reader:
    """Somebody who reads pages in one language."""

    lang: str = "en"

    @property
    def html_lang(self) -> str:
        """The language as browsers and screen readers are told."""
        return _HTML_LANGUAGES[self.lang]

    @property
    def other(self) -> str:
        """The other language."""
        return next(lang for lang in LANGUAGES if lang != self.lang)

    def knows(self, key: str) -> bool:
        """Whether there is a text of this key."""
        return key in catalogue(self.lang) or key in words.catalogue(self.lang)

    def say(self, key: str, **fields: object) -> str:
        """One text with its fields filled in, of the pages first and else of figures.

        Raises
        ------
        KeyError
            If no catalogue has the key: a page without its words is a defect.
        """
        text = catalogue(self.lang).get(key)
        if text is None:
            return words.say(self.lang, key, **fields)
        return text.format(**fields) if fields else text

    def of(self, texts: Mapping[str, str]) -> str:
        """The text of a mapping by language, or the English one."""
        return texts.get(self.lang) or texts.get("en", "")

    def style(self, currency: str = "CNY") -> Style:
        """How figures are drawn for this reader; by light, since pages repaint them by dark."""
        return Style(self.lang, currency)
