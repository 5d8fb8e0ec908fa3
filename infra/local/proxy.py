"""A reverse proxy: `proxy.py HOST PORT UPSTREAM`, where UPSTREAM is http://host:port/path.

It passes requests and answers on as they are, several Set-Cookie headers among them, adds
X-Forwarded-For, and writes no log, because addresses here have codes in them.
"""

import http.client
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# They are between two neighbours (RFC 9110 section 7.6.1); the length is counted anew.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "content-length"}
MOST_BYTES = 10 * 1024 * 1024  # API Gateway's limit for a request
SECONDS = 30  # and for an answer


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    upstream: urllib.parse.SplitResult

    def pass_on(self) -> None:
        """Answers a request with what the upstream answers."""
        length = int(self.headers.get("content-length") or 0)
        if length > MOST_BYTES:
            self.close_connection = True
            self.answer(413, [], b"too large")
            return
        body = self.rfile.read(length)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers |= {"X-Forwarded-For": self.client_address[0], "X-Forwarded-Proto": "http"}
        connection = http.client.HTTPConnection(self.upstream.netloc, timeout=SECONDS)
        try:
            connection.request(self.command, self.upstream.path + self.path, body, headers)
            answer = connection.getresponse()
            self.answer(answer.status, answer.getheaders(), answer.read())
        except (OSError, http.client.HTTPException) as error:
            self.answer(502, [], f"the console does not answer: {type(error).__name__}\n".encode())
        finally:
            connection.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = pass_on

    def answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Sends an answer."""
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    """Serves until it is ended."""
    host, port, upstream = sys.argv[1:]
    Handler.upstream = urllib.parse.urlsplit(upstream)
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
