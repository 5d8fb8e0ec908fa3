"""Unpacks the attachments of messages in files with Python's email package.

A program of its own: python3 by_email.py TARGET FILE…
"""

import email
import email.policy
import sys
from pathlib import Path


def main() -> None:
    """Writes every attachment into a folder."""
    target, *files = map(Path, sys.argv[1:])
    for number, file in enumerate(files):
        with file.open("rb") as opened:
            message = email.message_from_binary_file(opened, policy=email.policy.default)
        for place, part in enumerate(message.iter_attachments()):
            (target / f"{number}-{place}").write_bytes(part.get_payload(decode=True))


if __name__ == "__main__":
    main()
