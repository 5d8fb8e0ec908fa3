"""Reads a mailbox with Python's poplib: everything is hashed and dropped, as the other readers do it.

A program of its own: python3 by_poplib.py PORT USER PASSWORD CA
"""

import hashlib
import json
import poplib
import ssl
import sys


def main() -> None:
    """Reads, and prints what was read."""
    port, user, password, ca = sys.argv[1:]
    server = poplib.POP3_SSL("127.0.0.1", int(port), context=ssl.create_default_context(cafile=ca))
    server.user(user)
    server.pass_(password)
    messages, _ = server.stat()
    size = digest = 0
    for number in range(1, messages + 1):
        _, lines, _ = server.retr(number)
        text = b"\r\n".join([*lines, b""])
        size += len(text)
        digest += int.from_bytes(hashlib.sha256(text).digest()[:8], "little")
    server.quit()
    print(json.dumps({"messages": messages, "bytes": size, "digest": digest % (1 << 64)}))


if __name__ == "__main__":
    main()
