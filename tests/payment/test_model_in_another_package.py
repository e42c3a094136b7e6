"""A payment model in a package of its own, built, installed and used as its author would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "payshift-subscription"


@pytest.mark.slow
def test_a_payment_model_of_another_package_is_listed_examined_and_run(tmp_path: Path) -> None:
    source, site = tmp_path / "source", tmp_path / "site"
    shutil.copytree(PACKAGE, source)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(site), str(PACKAGE.parents[2]))),
        "PAYSHIFT_HOME": str(tmp_path / "home"),
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # The build tool is at hand: nothing is fetched.
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    run(*install, "--no-build-isolation", "--no-index", "--target", str(site), str(source))

    models = json.loads(run("-m", "sim", "list", "models", "--json"))
    found = next(row for row in models if row["id"] == "subscription")
    assert found["title_zh"] == "会员制付费"

    scenario = str(source / "subscription.yaml")
    run("-m", "sim", "validate", scenario)
    rows = json.loads(run("-m", "sim", "incentives", scenario, "--json"))
    assert rows
    run("-m", "sim", "run", scenario, "--json")
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:dash", str(source))
