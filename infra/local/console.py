"""The console at an address of its own: a reverse proxy (proxy.py) before the emulator's API Gateway."""

import sys
from pathlib import Path

from . import aws, processes
from .instance import LOOPBACK, Instance

NAME = "console"
SCRIPT = Path(__file__).parent / "proxy.py"


def url(instance: Instance) -> str:
    """The console's address. Browsers trust `localhost` like https, so that they take its cookies."""
    return f"http://localhost:{instance.port('console')}"


def redirect_uri(instance: Instance) -> str:
    """Where authorization servers send people back to."""
    return f"{url(instance)}/callback"


def start(instance: Instance) -> None:
    """Starts the proxy before the API that is deployed now."""
    processes.stop(instance, NAME)
    port = instance.port("console")
    command = [sys.executable, str(SCRIPT), LOOPBACK, str(port), aws.console_url(instance)]
    processes.start(instance, NAME, command, {})
    processes.wait_until(lambda: processes.listens(port), instance, NAME)
