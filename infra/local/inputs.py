"""Parameters that must be taken, and those that must be refused, each with the sentence that people get."""

import base64
from collections.abc import Iterator

from samtranslator.yaml_helper import yaml_parse

from . import late, parameters
from .aws import TEMPLATE
from .parameters import LOCAL_ACCOUNT, Template

CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/0f3a-1"
DOMAIN = {"ConsoleDomain": "post.example.com", "ConsoleCertificateArn": CERTIFICATE}
ADMINISTRATORS = {"AdminProvider": "contoso", "AdminAddresses": "ann@example.com,bob@example.com"}
BEGIN_CERTIFICATE = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t"
NETWORK = {"SubnetIds": "subnet-0a1b2c3d,subnet-0123456789abcdef0", "SecurityGroupIds": "sg-0a1b2c3d"}

# What has no effect beside the rest, and how `make deploy` says it.
WITHOUT_EFFECT: list[tuple[dict[str, str], list[str]]] = [
    ({"ArchiveLockYears": "10"}, ["ArchiveLockYears means nothing while ArchiveLock is none."]),
    *(
        (
            {"ArchiveColdClass": name},
            ["ArchiveColdClass means nothing while ArchiveColdAfterDays is 0, which is never."],
        )
        for name in ("STANDARD_IA", "GLACIER", "DEEP_ARCHIVE")
    ),
    *(
        (given, ["OperatorAddresses and FallbackAddress hear by mail, and without SenderAddress there is none."])
        for given in ({"OperatorAddresses": "ann@example.com"}, {"FallbackAddress": "it@example.com"})
    ),
]
# What belongs together, and is taken.
TAKEN: list[dict[str, str]] = [
    {},
    DOMAIN,
    {**DOMAIN, "ConsoleHostedZoneId": "Z0123456789ABC"},
    {"PublicUrl": "https://post.example.com"},
    {"PublicUrl": "http://localhost:8443"},
    ADMINISTRATORS,
    {"AdminProvider": "contoso", "AdminGroup": "groups=postroom-admins"},
    {"ArchiveLock": "COMPLIANCE", "ArchiveLockYears": "15", "ArchiveColdAfterDays": "90"},
    {"DataKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/0f3a-1"},
    {"SenderAddress": "post@example.com", "SenderIdentity": "yes"},
    {"SenderAddress": "post@example.com", "OperatorAddresses": "ann+post@example.com,bob@example.com"},
    {"SenderAddress": "post@example.com", "FallbackAddress": "o'hara@post-room.example.com"},
    {"PublicUrl": "https://post.example.com:8443"},
    {"AdminProvider": "contoso.eu_1", "AdminGroup": "groups=postroom-admins"},
    {"PlaintextHosts": "localhost,mail_1.example.com,10.0.0.7,2001:db8::7"},
    {"ArchiveColdAfterDays": "30", "ArchiveColdClass": "STANDARD_IA"},
    {"AlarmAddress": "it@example.com", "AlarmTopicArn": "arn:aws:sns:eu-central-1:111122223333:alarms"},
    {"TimeZone": "America/Argentina/Buenos_Aires"},
    {"MailCa": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t", "PlaintextHosts": "mail.example.com,10.0.0.7"},
    {"FetchMemory": "256", "FetchMemoryBudgetMiB": "128"},
    {"FetchMemory": "10240", "FetchMemoryBudgetMiB": "4096"},
    NETWORK,
    {**NETWORK, "SubnetIds": "subnet-0a1b2c3d"},
    # What has no effect is no reason to refuse a stack.
    *(given for given, _ in WITHOUT_EFFECT),
]

# A value, and what its parameter says of it.
REFUSED: list[tuple[str, str, str]] = [
    ("ConsoleDomain", "https://post.example.com", "must be a host name in lower case, such as postroom.example.com."),
    *(
        ("ConsoleDomain", value, "must be a host name in lower case, such as postroom.example.com.")
        for value in ("-.-", "post..example.com", "post.example.com.", "10.0.0.7", "Post.example.com", "*.example.com")
    ),
    ("ConsoleDomain", "localhost", "must be a host name in lower case, such as postroom.example.com."),
    (
        "ConsoleCertificateArn",
        "arn:aws:iam::111122223333:server-certificate/x",
        "must be the ARN of a certificate in ACM.",
    ),
    ("ConsoleHostedZoneId", "post.example.com", "must be the id of a hosted zone."),
    *(
        ("PublicUrl", value, "must be https:// and a host name, without a path or a slash at the end.")
        for value in ("https://..", "https://post.example.com:99999", "https://10.0.0.7.8", "https://a b", "ftp://post")
    ),
    ("PublicUrl", "post.example.com", "must be https:// and a host name, without a path or a slash at the end."),
    (
        "PublicUrl",
        "https://post.example.com/",
        "must be https:// and a host name, without a path or a slash at the end.",
    ),
    ("PublicUrl", "http://post.example.com", "must be https:// and a host name, without a path or a slash at the end."),
    *(
        (
            "AdminProvider",
            value,
            "must be an id of lower-case letters, digits, dots, hyphens and underscores, as in the manifest.",
        )
        for value in ("Contoso", "-contoso", "c" * 65)
    ),
    (
        "AdminAddresses",
        "ann@example.com, bob@example.com",
        "must be addresses without names, separated by commas alone, 300 characters at most.",
    ),
    (
        "AdminAddresses",
        ",".join(f"person{n}@example.com" for n in range(20)),
        "must be addresses without names, separated by commas alone, 300 characters at most.",
    ),
    ("AdminGroup", "postroom-admins", "must be a claim, an equals sign and a value."),
    ("ArchiveLock", "compliance", "must be one of none, GOVERNANCE, COMPLIANCE."),
    ("ArchiveLockYears", "0", "must be a number from 1 to 100."),
    ("ArchiveColdAfterDays", "7", "must be one of 0, 30, 60, 90, 180, 365, 730, 1095, 1825, 3650."),
    ("ArchiveColdClass", "STANDARD", "must be one of STANDARD_IA, GLACIER_IR, GLACIER, DEEP_ARCHIVE."),
    ("DataKeyArn", "alias/mail", "must be the ARN of a key, not of an alias."),
    ("DataKeyArn", "arn:aws:kms:eu-central-1:111122223333:alias/mail", "must be the ARN of a key, not of an alias."),
    *(
        ("SenderAddress", value, "must be an address without a name.")
        for value in ("post", "post@", "@example.com", "post@example..com", "a,b@example.com", "post@-example.com")
    ),
    *(
        (name, value, "must be an address without a name.")
        for name in ("FallbackAddress", "AlarmAddress")
        for value in ("it@ex_ample.com", "it;it@example.com", "it@example.com\n", "it@@example.com")
    ),
    ("SenderAddress", "Postroom <post@example.com>", "must be an address without a name."),
    ("SenderIdentity", "true", "must be one of yes, no."),
    (
        "OperatorAddresses",
        "ann@example.com;bob@example.com",
        "must be addresses without names, separated by commas alone, 200 characters at most.",
    ),
    ("FallbackAddress", "nobody", "must be an address without a name."),
    ("AlarmAddress", "ann@example.com,bob@example.com", "must be an address without a name."),
    ("AlarmTopicArn", "alarms", "must be the ARN of an SNS topic."),
    ("Language", "fr", "must be one of en, de."),
    ("TimeZone", "Central European Time", "must be a name such as Europe/Berlin or UTC."),
    ("OverdueRepeatDays", "weekly", "must be a number from 0 to 365."),
    ("RefreshLeadMinutes", "61", "must be a number from 1 to 60."),
    ("Architecture", "aarch64", "must be one of arm64, x86_64."),
    ("LogLevel", "trace", "must be one of error, warn, info, debug."),
    ("LogRetentionDays", "60", "must be one of 1, 7, 14, 30, 90, 180, 365, 731, 1827, 3653."),
    ("Tracing", "on", "must be one of yes, no."),
    ("FetchMemory", "300", "must be one of 256, 512, 1024, 2048, 4096, 8192, 10240."),
    ("FetchMemoryBudgetMiB", "100", "must be one of 16, 32, 64, 128, 256, 512, 1024, 2048, 4096."),
    ("FetchTimeout", "600", "must be one of 30, 60, 300, 900."),
    ("FetchConcurrency", "1", "must be a number from 2 to 1000."),
    ("FetchLagLimitSeconds", "60", "must be a number from 300 to 86400."),
    *(
        (
            "MailCa",
            value,
            "must be certificates in PEM, from the first BEGIN CERTIFICATE on, in base64 on one line "
            "(base64 -w0 ca.pem), 2800 characters at most.",
        )
        # As it is; a private key; with line breaks; too long.
        for value in (
            "-----BEGIN CERTIFICATE-----",
            "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t",
            f"{BEGIN_CERTIFICATE}\nAAAA",
            BEGIN_CERTIFICATE + "AAAA" * 700,
        )
    ),
    *(
        ("PlaintextHosts", value, "must be host names or addresses without ports, separated by commas alone.")
        for value in ("mail.example.com, 10.0.0.7", "mail.example.com:143", "::::,", "-", "a..b", "https://mail")
    ),
    ("AllowLocalServers", "yes", "must be one of true, false."),
    *(
        ("SubnetIds", value, "must be ids of one to sixteen subnets, separated by commas alone.")
        for value in ("subnet-0a1b2c3d, subnet-1a1b2c3d", "vpc-0a1b2c3d", ",".join(["subnet-0a1b2c3d"] * 17))
    ),
    *(
        ("SecurityGroupIds", value, "must be ids of one to five security groups, separated by commas alone.")
        for value in ("default", ",".join(["sg-0a1b2c3d"] * 6))
    ),
]

# What contradicts itself, and the sentences against it.
CONTRADICTORY: list[tuple[dict[str, str], list[str]]] = [
    ({"AllowLocalServers": "true"}, ["AllowLocalServers is for a local stack only."]),
    (
        {"AdminProvider": "contoso"},
        ["With an AdminProvider, AdminAddresses or AdminGroup must say who is an administrator."],
    ),
    *(
        (given, ["AdminAddresses and AdminGroup need AdminProvider, which says who signs people in."])
        for given in ({"AdminAddresses": "ann@example.com"}, {"AdminGroup": "groups=admins"})
    ),
    (
        {"ConsoleDomain": "post.example.com"},
        ["ConsoleDomain needs ConsoleCertificateArn, a certificate for that name in this region."],
    ),
    (
        {**DOMAIN, "PublicUrl": "https://post.example.com"},
        ["ConsoleDomain and PublicUrl both say where the console is; give one of them."],
    ),
    *(
        (given, ["ConsoleCertificateArn and ConsoleHostedZoneId mean nothing without ConsoleDomain."])
        for given in ({"ConsoleCertificateArn": CERTIFICATE}, {"ConsoleHostedZoneId": "Z0123456789ABC"})
    ),
    ({"SenderIdentity": "yes"}, ["SenderIdentity needs SenderAddress, which it makes an identity of."]),
    (
        {"SubnetIds": NETWORK["SubnetIds"]},
        ["SubnetIds needs SecurityGroupIds, which say whom the functions may talk to."],
    ),
    ({"SecurityGroupIds": NETWORK["SecurityGroupIds"]}, ["SecurityGroupIds mean nothing without SubnetIds."]),
    *(
        (
            {"FetchMemory": str(memory), "FetchMemoryBudgetMiB": str(memory)},
            [f"With a FetchMemory of {memory} MiB, FetchMemoryBudgetMiB must be {memory // 2} at most."],
        )
        for memory in (256, 512, 1024, 2048, 4096)
    ),
    # Two at once are said at once.
    (
        {"ConsoleDomain": "post.example.com", "PublicUrl": "https://post.example.com", "SenderIdentity": "yes"},
        [
            "ConsoleDomain needs ConsoleCertificateArn, a certificate for that name in this region.",
            "ConsoleDomain and PublicUrl both say where the console is; give one of them.",
            "SenderIdentity needs SenderAddress, which it makes an identity of.",
        ],
    ),
]


# What only `make deploy` can tell, and how it says it.
CERTIFICATES = "MailCa must be certificates in PEM, and what it holds cannot be read as such."
KEY = (
    "MailCa must be certificates alone, and a private key is among them: take it out. If it was deployed before, make "
    "a new one, because a stack's parameters are no secret."
)
LATE: list[tuple[dict[str, str], list[str]]] = [
    ({"TimeZone": "Europe/Berlin", "PublicUrl": "https://post.example.com"}, []),
    ({"TimeZone": "Europe/Atlantis"}, ["TimeZone must be a name of the IANA database, and Europe/Atlantis is none."]),
    (
        {"PublicUrl": "http://localhost:8443"},
        ["PublicUrl must be https:// in an account of AWS: http://localhost is for a local stack only."],
    ),
    ({"MailCa": BEGIN_CERTIFICATE}, [CERTIFICATES]),
    *(
        (
            {
                "MailCa": base64.b64encode(
                    f"-----BEGIN CERTIFICATE-----\nA\n-----BEGIN {key}-----\nA\n".encode()
                ).decode()
            },
            [KEY],
        )
        for key in ("PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
    ),
    (
        {"MailCa": BEGIN_CERTIFICATE + "AAAA" * 690, "PlaintextHosts": ",".join(["mail.example.com"] * 60)},
        [
            CERTIFICATES,
            *(
                f"The environment of {name} would be larger than the 4096 bytes that Lambda takes: shorten MailCa, the "
                "lists of addresses, or PlaintextHosts."
                for name in ("FetchFunction", "TokenRefreshFunction", "ConsoleFunction")
            ),
        ],
    ),
]
# What is in another region than the stack, which goes to Frankfurt.
ELSEWHERE: list[tuple[dict[str, str], list[str]]] = [
    ({**DOMAIN, "DataKeyArn": "arn:aws:kms:eu-central-1:111122223333:key/0f3a-1"}, []),
    *(
        ({name: arn}, [f"{name} is in us-east-1, and the stack goes to eu-central-1: it must be in the same region."])
        for name, arn in (
            ("ConsoleCertificateArn", "arn:aws:acm:us-east-1:111122223333:certificate/0f3a-1"),
            ("DataKeyArn", "arn:aws:kms:us-east-1:111122223333:key/0f3a-1"),
            ("AlarmTopicArn", "arn:aws:sns:us-east-1:111122223333:alarms"),
        )
    ),
]


def problems(template: Template) -> Iterator[str]:
    """Everything in which the template judges otherwise, and what it judges unseen."""
    defaults = parameters.complete(template, {})
    for given in TAKEN:
        said = [*parameters.wrong(template, {**defaults, **given}), *parameters.contradictions(template, given)]
        yield from (f"{given} is refused: {each}" for each in said)
    local = parameters.contradictions(template, {"AllowLocalServers": "true"}, LOCAL_ACCOUNT)
    yield from (f"a local stack is refused: {each}" for each in local)
    for name, value, sentence in REFUSED:
        said = [*parameters.wrong(template, {name: value})]
        if said != [f"{name} {sentence}"]:
            yield f"{name}={value} gives {said or 'nothing'} and should give {sentence!r}"
    for given, sentences in CONTRADICTORY:
        wrong = [*parameters.wrong(template, given)]
        said = [*parameters.contradictions(template, given)]
        if wrong or said != sentences:
            yield f"{given} gives {wrong + said} and should give {sentences}"
    # As it is written, where the environments of all functions stand.
    source = yaml_parse(TEMPLATE.read_text())
    for given, sentences in LATE:
        if (found := [*late.problems(source, given, "postroom")]) != sentences:
            yield f"{given} gives {found} and should give {sentences}"
    for given, sentences in WITHOUT_EFFECT:
        if (found := [*late.without_effect({**defaults, **given})]) != sentences:
            yield f"{given} gives {found} and should give {sentences}"
    if noted := [*late.without_effect(defaults)]:
        yield f"of the defaults it is said {noted}"
    for given, sentences in ELSEWHERE:
        if (found := [*late.elsewhere(given, "eu-central-1")]) != sentences:
            yield f"{given} gives {found} and should give {sentences}"
    yield from _unseen(template)


def _unseen(template: Template) -> Iterator[str]:
    """What is said and was not heard: a parameter without a wrong value, a rule that was never broken."""
    for name, parameter in template["Parameters"].items():
        if name not in {refused for refused, _, _ in REFUSED}:
            yield f"no wrong value of {name} is tried"
        if "AllowedPattern" in parameter and "ConstraintDescription" not in parameter:
            yield f"{name}: it has a pattern and no sentence for what is wrong"
        if not parameter.get("Description", "").endswith("."):
            yield f"{name}: it is not described"
    heard = {sentence for _, sentences in CONTRADICTORY for sentence in sentences}
    for rule in template["Rules"].values():
        for assertion in rule["Assertions"]:
            if assertion["AssertDescription"] not in heard:
                yield f"nothing breaks the rule {assertion['AssertDescription']!r}"
