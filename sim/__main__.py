"""Let ``python -m sim`` be the ``payshift`` command."""

from sim.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
