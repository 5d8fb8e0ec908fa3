"""What the Makefile's targets do."""

import argparse
import os
from dataclasses import replace

from . import (
    aws,
    browser,
    checks,
    demo,
    deployed,
    deployment,
    fuzz,
    install,
    manifest,
    package,
    processes,
    replaced,
    rights_used,
    seed,
    stack,
)
from .instance import DEV, LOOPBACK, OWN, ROOT, TEST, WATCH
from .listener import Listener

# What `make watch` proposes to try: a function, and one of the sample events.
EXAMPLES = (("dispatch", "dispatch"), ("expiry-check", "expiry-check-tick"))


def run(arguments: argparse.Namespace) -> int:
    """Runs a command and answers its exit status."""
    processes.adopt_orphans()
    match arguments.command:
        case "demo":
            return demo.demo()
        case "up":
            given = (not arguments.no_mail, arguments.mail_ca, arguments.plaintext_hosts, dict(arguments.parameters))
            return up(stack.Wanted(*given))
        case "down":
            return down()
        case "test":
            return test(arguments.arguments)
        case "browser":
            return browser_tests(arguments.screenshots, arguments.arguments)
        case "check":
            return checks.check()
        case "advisories":
            return checks.advisories()
        case "watch":
            return watch()
        case "fuzz":
            return fuzz.fuzz(arguments.seconds, arguments.target)
        case "package":
            package.package(arguments.architecture)
            return 0
        case "deploy":
            given = (arguments.stack, dict(arguments.parameters), dict(arguments.tags))
            wanted = deployment.Wanted(arguments.architecture, arguments.settings, *given)
            return deployment.deploy(replace(wanted, asks=not arguments.yes, builds=not arguments.built))
    raise AssertionError(arguments.command)


def up(wanted: stack.Wanted) -> int:
    """Starts a stack for a person to use and leaves it running."""
    instance = DEV if wanted.mail else OWN
    stack.prepare(wanted.mail)
    stack.build()
    with stack.locked(instance):
        try:
            stack.start(instance, wanted)
            if wanted.mail:
                seed.seed(instance)
                manifest.prepare(instance)
            stack.write_env(instance, wanted)
        except BaseException:
            with processes.undisturbed():
                stack.stop(instance)
            raise
    print(stack.addresses(instance, wanted))
    if wanted.mail:
        place = manifest.folder(instance).relative_to(ROOT)
        print(f"  {'manifest':<16} {place}/postroom.toml, with token sets beside it")
    print("\nTo use it:  . .local/env\nTo stop it: make down")
    return 0


def down() -> int:
    """Stops everything that runs of any stack but the tests'."""
    for instance in (DEV, OWN):
        if instance.folder.exists():
            with stack.locked(instance), processes.undisturbed():
                stack.stop(instance)
                stack.forget_env(instance)
    return 0


def test(arguments: list[str]) -> int:
    """Builds everything for tests, starts a stack of its own for them, and runs all, the browser's too, or
    those of `cargo test` that are asked for."""
    stack.prepare(mail_servers=True)
    if not arguments:
        install.browser_tests()
    if folder := os.environ.get(replaced.NEW_FOLDER):
        replaced.keep(folder)
    processes.call(["cargo", "build", "--workspace", "--all-targets"])
    wanted = stack.Wanted(programs=ROOT / "target" / "debug")
    with stack.locked(TEST), stack.running(TEST, wanted):
        Listener(TEST)  # its queues keep what machines hear; secrets are looked for there too
        failed = _cargo_test(arguments or ["--workspace"])
        if failed or arguments:
            return failed
        given = stack.parameters(TEST, wanted)
        return (
            deployed.check(TEST, given)
            or browser.test(TEST)
            # Once more, for what was done in the browser.
            or _cargo_test(["--workspace", "--test", "scan"])
            or rights_used.check(TEST, given)
        )


def _cargo_test(arguments: list[str]) -> int:
    env = {**os.environ, **stack.test_environment(TEST), processes.MARK: str(TEST.folder)}
    return processes.status(["cargo", "test", *arguments], env=env)


def browser_tests(screenshots: bool, arguments: list[str]) -> int:
    """The browser tests alone, or the pictures of the documentation, on a stack of its own."""
    stack.prepare(mail_servers=True)
    install.browser_tests()
    programs = [part for program in (*aws.FUNCTIONS, stack.CLI) for part in ("--bin", program)]
    processes.call(["cargo", "build", "--workspace", *programs])
    wanted = stack.Wanted(programs=ROOT / "target" / "debug")
    with stack.locked(TEST), stack.running(TEST, wanted):
        return browser.take_screenshots(TEST) if screenshots else browser.test(TEST, arguments)


def watch() -> int:
    """Runs the functions from their sources with cargo-lambda, set up as the deployed ones are."""
    instance = next((each for each in (DEV, OWN) if processes.running(each, aws.NAME)), None)
    if instance is None:
        raise processes.Failed("there is no stack to work against: make up")
    port = os.environ.get("POSTROOM_WATCH_PORT", "9100")
    examples = "".join(f"  {_invoke(*each, port)}\n" for each in EXAMPLES)
    print(f"In another terminal, for example:\n{examples}", flush=True)
    mark = {processes.MARK: str(WATCH.folder)}
    env = {**aws.environment(instance), **aws.function_environment(instance), **mark}
    try:
        aws.cargo_lambda("watch", "--invoke-address", LOOPBACK, "--invoke-port", port, env=env)
    finally:
        with processes.undisturbed():
            processes.stop_stragglers(WATCH)
    return 0


def _invoke(function: str, event: str, port: str) -> str:
    invoke = f"cargo lambda invoke --invoke-address {LOOPBACK} --invoke-port {port}"
    return f"{invoke} {function} --data-file events/{event}.json"
