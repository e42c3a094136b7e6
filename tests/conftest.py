"""What every test gets: a home of its own for records, and a shared cache of compiled rules."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.homes import keep_compiled_rules

# `make test` and CI: repeatable, so that a failure on one machine is a failure on all.
settings.register_profile("ci", max_examples=60, deadline=None, derandomize=True, print_blob=True)
# `make fast`: a few new examples each time.
settings.register_profile(
    "dev",
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")

# Modules and cases are millions of objects that stay: as the command does, look for garbage less.
gc.set_threshold(50_000, 20, 20)

# Set at import, before any test module imports `sim`. The cache of compiled rules is named apart
# from the home because tests may give a subprocess a home of its own.
keep_compiled_rules()
_HOME = Path(tempfile.mkdtemp(prefix="payshift-tests-"))
os.environ["PAYSHIFT_HOME"] = str(_HOME)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the session's records; the cache stays."""
    shutil.rmtree(_HOME, ignore_errors=True)


# A browser that asks nobody anything: no updates, no background requests.
_QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def payshift_home() -> Path:
    """Folder that holds this session's records."""
    return _HOME


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """Drive the system's chromium: the tests download no browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        # Elsewhere a missing browser skips; where it must be there, it is a failure.
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no chromium on this machine: apt-get install chromium")
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return {
        **browser_type_launch_args,
        "executable_path": chromium,
        "args": [*arguments, *_QUIET],
    }
