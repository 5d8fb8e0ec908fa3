"""The Lambda runtime API on loopback: hands a function one event and takes its answer
(<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>)."""

import http.server
import json
import threading
import time
from typing import Any, Self

from ..local.instance import LOOPBACK

REQUEST = "00000000-0000-4000-8000-000000000001"
# How long a function may run, as in the deployment.
DEADLINE = 900


class Runtime:
    """One function's runtime, for one event or none."""

    def __init__(self, event: dict[str, Any] | None = None) -> None:
        self._event = json.dumps(event).encode() if event is not None else None
        # When the function first asked for work, and when its answer was there.
        self.asked: float | None = None
        self.answered: float | None = None
        self.answer: dict[str, Any] | None = None
        self.changed = threading.Event()
        self._over = threading.Event()
        self._server = _Server((LOOPBACK, 0), self._handler())
        threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            daemon=True,
        ).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        """What goes into AWS_LAMBDA_RUNTIME_API."""
        return f"{LOOPBACK}:{self._server.server_port}"

    def _handler(runtime) -> type[http.server.BaseHTTPRequestHandler]:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                if runtime.asked is None:
                    runtime.asked = time.perf_counter()
                event, runtime._event = runtime._event, None
                if event is None:
                    runtime.changed.set()
                    runtime._over.wait()  # no more work, as in a function that is frozen
                    self.close_connection = True
                    return
                deadline = int((time.time() + DEADLINE) * 1000)
                arn = "arn:aws:lambda:eu-central-1:000000000000:function:bench"
                self._respond(
                    200,
                    event,
                    {
                        "Lambda-Runtime-Aws-Request-Id": REQUEST,
                        "Lambda-Runtime-Deadline-Ms": str(deadline),
                        "Lambda-Runtime-Invoked-Function-Arn": arn,
                    },
                )

            def do_POST(self) -> None:
                body = self._body()
                runtime.answered = time.perf_counter()
                runtime.answer = {
                    "path": self.path.rpartition("/")[2],
                    "body": json.loads(body or b"null"),
                }
                self._respond(202, b"{}", {})
                runtime.changed.set()

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def _respond(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {
                    **headers,
                    "Content-Type": "application/json",
                    "Content-Length": str(len(body)),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A function that is ended breaks its connection off: nothing to speak of."""
