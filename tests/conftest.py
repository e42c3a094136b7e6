"""What every test gets: a home of its own for records, and a shared cache of compiled rules."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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

# Compiling the rules costs 5-12 s, so their cache outlives the session while records do not: the
# home is new, and its cache folder is the user's own. Set at import, before `sim` is imported by
# any test module, because the place of the cache is fixed then.
_CACHE = Path(os.environ.get("PAYSHIFT_HOME") or Path.home() / ".cache" / "payshift")
_HOME = Path(tempfile.mkdtemp(prefix="payshift-tests-"))


def _share_compiled_rules() -> None:
    shared = _CACHE / "cache" if "PAYSHIFT_HOME" in os.environ else _CACHE
    shared.mkdir(parents=True, exist_ok=True)
    (_HOME / "cache").symlink_to(shared, target_is_directory=True)
    os.environ["PAYSHIFT_HOME"] = str(_HOME)


_share_compiled_rules()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the session's records; the cache behind the link stays."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def payshift_home() -> Path:
    """Folder that holds this session's records."""
    return _HOME


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """Drive the system's chromium: the tests download no browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": chromium, "args": arguments}
