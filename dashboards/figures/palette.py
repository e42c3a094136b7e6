"""Colors: one per arm on every page, safe for color-blind readers, gray for the status quo.

Knows which color means what, by light and by dark. Must not know figures or numbers.

References
----------
Okabe M, Ito K. Color universal design: how to make figures and presentations that are friendly
to colorblind people. 2008. https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PALE = 0.45
BAND = 0.16
FLOW = 0.3


@dataclass(frozen=True)
class Theme:
    """The colors of one ground, light or dark.

    Attributes
    ----------
    name : ``"light"`` or ``"dark"``
    surface, ink, muted, hairline : ground of a figure, text, quiet text, thin rules
    status_quo : the gray that always means "today's payment"
    arms : colors of the reforms, in the order of the arms
    loss, even, gain : ends and middle of the diverging scale of incentives
    warning : the ground of "loses more than a tenth"
    """

    name: str
    surface: str
    ink: str
    muted: str
    hairline: str
    status_quo: str
    arms: tuple[str, ...]
    loss: str
    even: str
    gain: str
    warning: str


LIGHT = Theme(
    name="light",
    surface="#FFFFFF",
    ink="#1B2026",
    muted="#59626D",
    hairline="#DFE2E6",
    status_quo="#7C8288",
    arms=("#0072B2", "#D55E00", "#009E73", "#B85C94", "#C98700", "#3C9BD1"),
    loss="#D8793A",
    even="#F4F3F0",
    gain="#3F8FC4",
    warning="#FBEDE3",
)

DARK = Theme(
    name="dark",
    surface="#1B2025",
    ink="#E9EBEE",
    muted="#A4ADB7",
    hairline="#363D45",
    status_quo="#9AA1A8",
    arms=("#4BA8E8", "#F0803C", "#2EC499", "#E29BC7", "#F0B63E", "#9BD3F5"),
    loss="#A14E1C",
    even="#2A3037",
    gain="#25618D",
    warning="#3A2A20",
)


def translucent(color: str, opacity: float) -> str:
    """Give a color as ``rgba()``, so that the ground shines through.

    Examples
    --------
    >>> translucent("#0072B2", 0.5)
    'rgba(0,114,178,0.5)'
    """
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def color_of_arms(is_status_quo: Sequence[bool], theme: Theme = LIGHT) -> list[str]:
    """One color per arm in the order given; the status quo is gray wherever it stands.

    Examples
    --------
    >>> color_of_arms([True, False])
    ['#7C8288', '#0072B2']
    """
    colors: list[str] = []
    reforms = 0
    for quo in is_status_quo:
        if quo:
            colors.append(theme.status_quo)
        else:
            colors.append(theme.arms[reforms % len(theme.arms)])
            reforms += 1
    return colors


def dark_of_light() -> dict[str, str]:
    """Every color of the light theme with its counterpart by dark, translucent forms included.

    A page that holds figures drawn by light repaints them with this table, so each figure is
    stored once.
    """
    pairs: dict[str, str] = {}
    for name in (
        "surface",
        "ink",
        "muted",
        "hairline",
        "status_quo",
        "loss",
        "even",
        "gain",
        "warning",
    ):
        pairs[getattr(LIGHT, name)] = getattr(DARK, name)
    pairs.update(zip(LIGHT.arms, DARK.arms, strict=True))
    translucents = {
        translucent(light, opacity): translucent(dark, opacity)
        for light, dark in pairs.items()
        for opacity in (PALE, BAND, FLOW)
    }
    return pairs | translucents
