"""What theory says of every contract, asked of random trees over the whole payment language.

Draws contract trees from what the registered models declare of their terms, and asks of each on
made-up years: one finite amount for each provider, never below nothing; a gradient that is the
difference of the revenue; the same in another minor unit of money; so much more for a larger
region; the same for providers in another order and by other names; and terms of next year that are
a contract again (`sim.testing.hold_laws`)::

    python -m experiments.laws --trees 5000 --record

``--record`` writes experiments/records/laws/record.md. Exit code 1 if any law is broken.

Knows the laws and who draws trees; must not know any payment model by name.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.books import models_in
from experiments.spread import spread
from sim.errors import PaymentError
from sim.payment import catalogue
from sim.testing import Held, hold_laws, random_contract, sample_context

RECORD = Path(__file__).with_name("records") / "laws" / "record.md"
_PROVIDERS, _GROUPS, _WORLDS = 4, 3, 97


@dataclass(frozen=True)
class Asked:
    """One tree.

    Attributes
    ----------
    models : tuple of str
        The models in it, once each.
    held : Held or None
        What held; None where the tree has no neutral value on the made-up year.
    broken : str
        The law that is broken, and the tree; nothing where all hold.
    refused : str
        Why it has no neutral value.
    """

    models: tuple[str, ...]
    held: Held | None
    broken: str = ""
    refused: str = ""


def ask(job: tuple[int, int]) -> Asked:
    """Draw the tree of a seed and a number, and ask all laws of it."""
    seed, number = job
    draw = random.Random(f"{seed}/{number}")
    context = sample_context(_PROVIDERS, _GROUPS)
    spec = random_contract(draw, context, depth=draw.choice((1, 2, 3)))
    models = tuple(sorted(set(models_in(spec))))
    try:
        held = hold_laws(spec, seed=draw.randrange(_WORLDS), n=_PROVIDERS, groups=_GROUPS)
    except PaymentError as error:
        return Asked(models, None, refused=error.what)
    except AssertionError as error:
        return Asked(models, None, broken=f"{error}: {spec}")
    return Asked(models, held)


def all_trees(seed: int, trees: int, workers: int) -> Iterator[Asked]:
    """Ask the laws of many trees."""
    return spread(ask, [(seed, number) for number in range(trees)], workers, 20)


def record_of(found: Sequence[Asked], seed: int) -> str:
    """Give the record of many trees."""
    held = [one.held for one in found if one.held is not None]
    broken = [one for one in found if one.broken]
    laws = Counter(law for one in held for law in one.laws)
    models = Counter(name for one in found for name in one.models)
    reasons = Counter(one.refused for one in found if one.refused)
    slopes, corners = sum(one.slopes for one in held), sum(one.corners for one in held)
    lines = [
        "# Laws of random contract trees",
        "",
        f"{len(found):,} trees over the whole payment language, on made-up years of {_PROVIDERS} "
        f"providers; seed {seed}. Written by `make books`.",
        "",
        f"- Trees that break a law: {len(broken)}.",
        f"- Slopes held to differences: {slopes:,}; left out where the rule bends or jumps: "
        f"{corners:,}.",
        f"- Trees without a neutral value on the made-up year: {sum(reasons.values()):,}.",
        "",
        "| law | trees |",
        "|---|---|",
        *(f"| {law} | {count:,} |" for law, count in laws.items()),
        "",
        "| model | trees it stood in |",
        "|---|---|",
        *(f"| `{row['id']}` | {models[row['id']]:,} |" for row in catalogue()),
        "",
        "| no neutral value because | trees |",
        "|---|---|",
        *(f"| {reason} | {count:,} |" for reason, count in reasons.most_common()),
        "",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask the laws of many trees and say how many hold.

    Returns
    -------
    int
        0 if all hold, 1 if any does not.
    """
    parser = argparse.ArgumentParser(prog="laws", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--trees", type=int, default=1000, help="trees to ask")
    parser.add_argument("--seed", type=int, default=1, help="seed of the trees")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--record", action="store_true", help="write the record")
    asked = parser.parse_args(arguments)
    found = list(all_trees(asked.seed, asked.trees, asked.workers))
    broken = [one.broken for one in found if one.broken]
    for line in broken:
        sys.stderr.write(f"{line}\n")
    if asked.record:
        RECORD.parent.mkdir(parents=True, exist_ok=True)
        RECORD.write_text(record_of(found, asked.seed), encoding="utf-8")
    refused = sum(bool(one.refused) for one in found)
    sys.stdout.write(
        f"{len(found) - len(broken) - refused} hold, {len(broken)} break a law, "
        f"{refused} have no neutral value\n"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
