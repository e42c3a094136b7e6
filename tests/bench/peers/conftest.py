"""The tools run in environments of their own, as scripts: nothing here is for pytest to import."""

collect_ignore_glob = ["*.py"]
