"""Whether the tests of the core go through every branch of it::

    python -m tests.core.complete

Exits with 1 and names the lines if they do not. It takes about a minute and is no part of ``run-tests``: measured, the tests
take twice their time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import coverage
import pytest

HERE = Path(__file__).parent
QUIETLY = ["--quiet", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider"]


class Sameness:
    """The same examples each time give the same answer."""

    def pytest_configure(self) -> None:
        from hypothesis import settings  # noqa: PLC0415 - pytest wants to be the first to import it

        settings.register_profile("measured", settings.get_profile("patient"), derandomize=True)
        settings.load_profile("measured")


def main() -> int:
    settings = str(HERE.parents[1] / "pyproject.toml")
    measured = coverage.Coverage(data_file=None, source_pkgs=["argosy.core"], config_file=settings)
    measured.set_option("run:patch", [])  # nothing here runs the binary
    with measured.collect():
        failed = pytest.main([str(HERE), *QUIETLY], [Sameness()])
    return int(failed) or int(measured.report() < 100)


if __name__ == "__main__":
    sys.exit(main())
