#!/usr/bin/env python3
"""What Python's email package finds in messages, by the rules of postroom-attachments.

    compare.py FILE…

Prints a JSON object: for each file its attachments as [declared name or null, size, SHA-256], in order.
Parsing, decoding and names are Python's; the rules of what counts as an attachment, and of what is kept
whole, are applied here to what Python parsed.
"""

import email.header
import email.policy
import hashlib
import json
import sys

# Headers as they were, and lines as they were sent.
VERBATIM = email.policy.compat32.clone(max_line_length=None, linesep="\r\n", mangle_from_=False)


def attachments(part, parent=""):
    kind, main = part.get_content_type(), part.get_content_maintype()
    if kind in ("multipart/signed", "multipart/encrypted"):
        yield None, whole(part)
    elif main == "multipart":
        for inner in part.get_payload() if part.is_multipart() else []:
            yield from attachments(inner, kind)
    elif main == "message":
        inner = part.get_payload() if part.is_multipart() else []
        yield name(part), b"".join(message.as_bytes(policy=VERBATIM) for message in inner)
    elif is_attachment(part, main, parent):
        yield name(part), part.get_payload(decode=True) or b""


def is_attachment(part, main, parent):
    disposition = part.get_content_disposition()
    if disposition not in (None, "", "inline"):
        return True
    if main == "image" and parent == "multipart/related":
        return False
    return bool(name(part)) or main != "text"


def whole(part):
    """A signed or encrypted part: its type, and its body as it stands."""
    body = part.as_bytes(policy=VERBATIM).split(b"\r\n\r\n", 1)[1]
    declared = "".join(part["Content-Type"].splitlines())
    return b"MIME-Version: 1.0\r\nContent-Type: " + declared.encode() + b"\r\n\r\n" + body


def name(part):
    declared = part.get_filename()
    if not declared:
        declared = part.get_param("name")
        if isinstance(declared, tuple):
            declared = email.utils.collapse_rfc2231_value(declared)
    if not declared or not declared.strip():
        return None
    try:
        return str(email.header.make_header(email.header.decode_header(declared)))
    except (LookupError, UnicodeError, email.errors.HeaderParseError):
        return declared


def read(path):
    with open(path, "rb") as file:
        message = email.message_from_bytes(file.read())  # not from the file: that changes line ends
    return [
        [declared, len(data), hashlib.sha256(data).hexdigest()] for declared, data in attachments(message)
    ]


json.dump({path: read(path) for path in sys.argv[1:]}, sys.stdout)
