"""The console in a real browser: the tests in tests/browser, run by Node's own test runner."""

import os

from . import aws, install, processes, stack
from .instance import ROOT, Instance

SCREENSHOTS = "screenshots.test.mjs"
PICTURES = ROOT / "docs" / "images"


def test(instance: Instance, arguments: list[str] | None = None) -> int:
    """Runs all tests, or as the arguments for `node --test` say."""
    scripts = sorted(script.name for script in install.BROWSER_TESTS.glob("*.test.mjs") if script.name != SCREENSHOTS)
    return _node(instance, [*(arguments or []), *scripts], {})


def take_screenshots(instance: Instance) -> int:
    """Takes the pictures of the documentation anew."""
    return _node(instance, [SCREENSHOTS], {"POSTROOM_PICTURES": str(PICTURES)})


def _node(instance: Instance, arguments: list[str], more: dict[str, str]) -> int:
    env = {
        **os.environ,
        **aws.environment(instance),
        **stack.test_environment(instance),
        "POSTROOM_TEST_BROWSER": install.program("chromium", "Chromium"),
        processes.MARK: str(instance.folder),
        **more,
    }
    # One after another: they share one address, and the console counts requests by address.
    node = install.program("node", "Node.js 20 or later")
    command = [node, "--test", "--test-concurrency=1", "--test-reporter=spec", *arguments]
    return processes.status(command, cwd=install.BROWSER_TESTS, env=env)
