"""What is wrong with parameters and CloudFormation cannot tell: it would show when the stack is half made, or when a
function starts."""

import base64
import ssl
import zoneinfo
from collections.abc import Iterator
from typing import Any

from .parameters import Template, complete

# What Lambda takes as the names and values of one function's environment, in bytes
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
ENVIRONMENT = 4096
# The longest that AWS makes of the names of things, beside the stack's own name in them.
MADE_UP = 70
# Parameters that are ARNs of what must be where the stack is.
OF_THE_REGION = ("AlarmTopicArn", "ConsoleCertificateArn", "DataKeyArn")


def problems(template: Template, given: dict[str, str], stack: str, is_local: bool = False) -> Iterator[str]:
    """What is wrong wherever the stack goes, a sentence for each."""
    values = complete(template, given)
    zones = zoneinfo.available_timezones()  # none, on a machine without the database
    if zones and values["TimeZone"] not in zones:
        yield f"TimeZone must be a name of the IANA database, and {values['TimeZone']} is none."
    if values["PublicUrl"].startswith("http://") and not is_local:
        yield "PublicUrl must be https:// in an account of AWS: http://localhost is for a local stack only."
    if values["MailCa"]:
        yield from _certificates(values["MailCa"])
    for name, size in _environments(template, values, stack):
        if size > ENVIRONMENT:
            yield (
                f"The environment of {name} would be larger than the {ENVIRONMENT} bytes that Lambda takes: shorten "
                "MailCa, the lists of addresses, or PlaintextHosts."
            )


def elsewhere(given: dict[str, str], region: str) -> Iterator[str]:
    """What is in another region than the stack."""
    for name in OF_THE_REGION:
        parts = given.get(name, "").split(":")
        if len(parts) > 3 and parts[3] != region:
            yield f"{name} is in {parts[3]}, and the stack goes to {region}: it must be in the same region."


def without_effect(values: dict[str, str]) -> Iterator[str]:
    """What of all parameters has no effect beside the others: no reason to stop, and not what somebody meant. What is a
    default cannot be told from what was given."""
    if values["ArchiveLock"] == "none" and values["ArchiveLockYears"] != "15":
        yield "ArchiveLockYears means nothing while ArchiveLock is none."
    if values["ArchiveColdAfterDays"] == "0" and values["ArchiveColdClass"] != "GLACIER_IR":
        yield "ArchiveColdClass means nothing while ArchiveColdAfterDays is 0, which is never."
    if not values["SenderAddress"] and (values["OperatorAddresses"] or values["FallbackAddress"]):
        yield "OperatorAddresses and FallbackAddress hear by mail, and without SenderAddress there is none."


def _certificates(text: str) -> Iterator[str]:
    """What is wrong with a bundle in base64."""
    try:
        pem = base64.b64decode(text, validate=True).decode()
        # It would be passed over, and stand in the stack's parameters and in functions' environments.
        if "PRIVATE KEY-----" in pem:
            yield (
                "MailCa must be certificates alone, and a private key is among them: take it out. If it was deployed "
                "before, make a new one, because a stack's parameters are no secret."
            )
            return
        ssl.create_default_context(cadata=pem)
    except (ValueError, ssl.SSLError):
        yield "MailCa must be certificates in PEM, and what it holds cannot be read as such."


def _environments(template: Template, values: dict[str, str], stack: str) -> Iterator[tuple[str, int]]:
    """How large each function's environment may become."""
    common = template["Globals"]["Function"]["Environment"]["Variables"]
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            variables = {**common, **resource["Properties"]["Environment"]["Variables"]}
            yield name, sum(len(key) + _length(value, values, stack) for key, value in variables.items())


def _length(value: Any, values: dict[str, str], stack: str) -> int:
    """How long a variable may be: a parameter as it is given; otherwise a name that the stack's is in."""
    if isinstance(value, dict) and value.get("Ref") in values:
        return len(values[value["Ref"]].encode())
    # The address of the console is as long as what is given of it.
    longest = max(len(values["PublicUrl"]), len(values["ConsoleDomain"]))
    return max(len(stack) + MADE_UP, longest)
