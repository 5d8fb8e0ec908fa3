"""The AWS API of a stack for tests, writing down what functions ask it for: `python -m infra.local.recorder`.

The emulator runs in this process; before it stands a layer (ASGI) that looks at each request of a function, passes it
on unchanged, and writes a line to the file that POSTROOM_CALLS names: the function's role and what was asked for
(rights_asked.py), each once. A deployed function is known by the credentials that the emulator gave it, one that a test
runs in its own process by what its clients call themselves (rights_place.py). Other requests of tests, and those of
people, are not looked at. Of S3's only what their first line says is; whatever is in them streams by.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TextIO

from .rights_asked import Asked, Request, asked, signer
from .rights_place import ANYWHERE, APP, IN_PROCESS

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

CALLS = "POSTROOM_CALLS"
# What the keys of roles begin with (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
OF_A_ROLE = "ASIA"


class Recorder:
    """An ASGI application before another."""

    def __init__(self, application: Application, who: Callable[[str], str], calls: TextIO) -> None:
        self.application = application
        # Answers the role that an access key was given to.
        self.who = who
        self.calls = calls
        self.written: set[tuple[str, Asked]] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Has a request answered, and writes down what it asked for."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope.get("headers", [])}
        key, service = signer(headers) or ("", "")
        named = APP.search(headers.get("user-agent", ""))
        if not key.startswith(OF_A_ROLE) and not named:
            await self.application(scope, receive, send)
            return
        body, status = bytearray(), 0

        async def received() -> Message:
            message = await receive()
            if service != "s3":
                body.extend(message.get("body", b""))
            return message

        async def sent(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        role = IN_PROCESS + named[1] if named else self.who(key)
        await self.application(scope, received, sent)
        request = scope["method"], scope["path"], scope.get("query_string", b"").decode("latin-1"), headers
        calls = asked(service, Request(*request, bytes(body), status))
        for each in map(ANYWHERE.of, calls) if named else calls:
            if (role, each) not in self.written:
                self.written.add((role, each))
                self.calls.write(each.line(role) + "\n")
                self.calls.flush()


def main() -> None:
    """Runs the emulator."""
    calls = Path(os.environ.pop(CALLS))
    # Functions inherit the rest.
    os.environ.pop("PYTHONPATH")
    from ministack import app as emulator
    from ministack.core.iam_evaluator import resolve_caller_identity

    def who(key: str) -> str:
        # arn:aws:sts::<account>:assumed-role/<role>/<session>
        caller = resolve_caller_identity(key) or {"userArn": "//nobody"}
        return caller["userArn"].split("/")[1] or "nobody"

    with calls.open("a") as file:
        emulator.app = Recorder(emulator.app, who, file)
        emulator.main()


if __name__ == "__main__":
    main()
