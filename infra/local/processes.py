"""Processes of the local stack: started, found again, stopped.

A process is known by its pid together with its start time, so that a pid which the kernel has given
to somebody else meanwhile is never taken for ours. Every process, and whatever it starts, also
carries the instance's folder in its environment: that finds what a killed run left behind. Nothing is
ever stopped by name.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .instance import LOOPBACK, ROOT, Instance, write

MARK = "POSTROOM_INSTANCE"


class Failed(Exception):
    """Something that a person has to know; the text says what and what to do."""


def call(command: list[str], cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Runs a program to its end, its output going to the person."""
    if status(command, cwd, env) != 0:
        raise Failed(f"this failed: {' '.join(command)}")


def status(command: list[str], cwd: Path = ROOT, env: dict[str, str] | None = None) -> int:
    """Runs a program to its end and answers its exit status. When it is to end early, it may clear up."""
    try:
        process = subprocess.Popen(command, cwd=cwd, env=env)
    except FileNotFoundError:
        raise Failed(f"{command[0]} is not installed, or not on the PATH") from None
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        raise


def adopt_orphans() -> None:
    """Makes this process the parent of what the servers leave behind, so that it can clear it away
    (PR_SET_CHILD_SUBREAPER, prctl(2)); a container's first process often does not."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def start(instance: Instance, name: str, command: list[str], env: dict[str, str]) -> None:
    """Starts a server in a session of its own, its output going to the instance's log."""
    instance.logs.mkdir(parents=True, exist_ok=True)
    log = instance.logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**env, MARK: str(instance.folder)},
            cwd=instance.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    write(_record(instance, name), json.dumps([process.pid, _start_time(process.pid)]))


def running(instance: Instance, name: str) -> int | None:
    """The pid of a server, if it runs."""
    try:
        pid, since = json.loads(_record(instance, name).read_text())
    except (OSError, ValueError):
        return None
    return pid if since is not None and _start_time(pid) == since else None


def wait_until(ready: Callable[[], bool], instance: Instance, name: str, seconds: float = 30) -> None:
    """Waits until a server that was just started is ready."""
    deadline = time.monotonic() + seconds
    while not ready():
        if running(instance, name) is None:
            raise Failed(f"{name} ended at once:\n{_tail(instance, name)}")
        if time.monotonic() > deadline:
            raise Failed(f"{name} is not ready after {seconds:.0f} s:\n{_tail(instance, name)}")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether somebody answers on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def stop(instance: Instance, name: str, seconds: float = 20) -> bool:
    """Asks a server to end and waits for it. Says whether it ended by itself, in good order."""
    pid = running(instance, name)
    _record(instance, name).unlink(missing_ok=True)
    if pid is None:
        return False
    _signal(pid, signal.SIGTERM)
    return _gone([pid], seconds)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Lets nobody interrupt the block: what it stops is stopped to the end."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(each, signal.SIG_IGN) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def stop_stragglers(instance: Instance) -> int:
    """Ends whatever else carries the instance's mark, gently at first. Says how many there were."""
    left = _marked(instance)
    for how in (signal.SIGTERM, signal.SIGKILL):
        pids = _marked(instance)
        for pid in pids:
            _signal(pid, how)
        if _gone(pids, 5):
            break
    _clear_away()
    return len(left)


def _record(instance: Instance, name: str) -> Path:
    return instance.folder / "running" / f"{name}.json"


def _start_time(pid: int) -> int | None:
    """When a living process started, in clock ticks since boot (proc(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _marked(instance: Instance) -> list[int]:
    mark = f"{MARK}={instance.folder}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark in environment and _start_time(int(entry.name)) is not None:
            found.append(int(entry.name))
    return found


def _signal(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        pass


def _gone(pids: list[int], seconds: float) -> bool:
    since = {pid: _start_time(pid) for pid in pids}
    deadline = time.monotonic() + seconds
    while any(then is not None and _start_time(pid) == then for pid, then in since.items()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _clear_away() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _tail(instance: Instance, name: str, lines: int = 15) -> str:
    log = instance.logs / f"{name}.log"
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:]) + f"\n(whole log: {log})"
