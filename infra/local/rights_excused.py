"""Rights that no function uses in the tests of a deployed stack, each with its reason.

A reason is either that AWS itself asks with the function's role, or that it takes a fault which a deployed function
cannot be given: then a test shows the fault to the same code within its own process. An excuse that nothing needs is a
mistake, like one whose test is not there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .instance import ROOT
from .rights_policy import Right, like

EVERY_FUNCTION = ("Dispatch", "Fetch", "TokenRefresh", "ExpiryCheck", "Console")
# Those that renew tokens, which is the same code in each.
RENEWING = ("Fetch", "TokenRefresh", "Console")
# Where tests are.
FOLDERS = ("functions", "shared", "cli", "tests")


@dataclass(frozen=True)
class Excuse:
    """Why some rights of some functions are not used."""

    functions: tuple[str, ...]
    # What the rights are like, in their own words.
    rights: str
    reason: str
    # A test, as file::name.
    test: str | None = None

    def covers(self, right: Right) -> bool:
        """Whether it excuses a right."""
        return right.role.removesuffix("Role") in self.functions and like(str(right), self.rights)

    def problems(self) -> Iterator[str]:
        """Whether its test is there."""
        if self.test:
            file, _, name = self.test.partition("::")
            sources = [source for folder in FOLDERS for source in (ROOT / folder).rglob(f"{file}.rs")]
            if not any(re.search(rf"\bfn {name}\(", source.read_text()) for source in sources):
                yield f"{self.rights} is excused by {self.test}, and there is no such test"


EXCUSES = (
    Excuse(
        EVERY_FUNCTION,
        "logs:* on *",
        "Lambda writes logs with the function's role "
        "(https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html).",
    ),
    Excuse(
        EVERY_FUNCTION,
        "xray:* on *",
        "Lambda sends traces with the function's role (https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html).",
    ),
    Excuse(
        ("Fetch",),
        "sqs:ReceiveMessage on *",
        "Lambda takes messages with the function's role "
        "(https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).",
    ),
    Excuse(("Fetch",), "sqs:DeleteMessage on *", "As above, when the function is done."),
    Excuse(("Fetch",), "sqs:GetQueueAttributes on *", "As above, to know how many wait."),
    Excuse(
        ("Fetch",),
        "s3:AbortMultipartUpload on */attachments/* (*",
        "An attachment of more than a part, of which a part is not taken.",
        "tests::an_upload_that_fails_is_given_up",
    ),
    Excuse(
        ("Fetch", "Console"),
        "kms:Decrypt on *",
        "Opens what a run has left that was killed between the server's answer and the vault.",
        "kills::a_process_killed_at_any_step_after_the_journal_loses_nothing",
    ),
    Excuse(
        RENEWING,
        "secretsmanager:RestoreSecret on */account/* (*",
        "A token set that a person deleted, and that is to be kept again.",
        "replacement::a_deleted_token_set_counts_as_none_and_comes_back_as_the_one_before",
    ),
    Excuse(
        ("Console",),
        "secretsmanager:RestoreSecret on */mailbox/* (*",
        "A password that was deleted, and that somebody enters again.",
        "secrets::a_deleted_password_is_absent_until_it_is_put_again",
    ),
    Excuse(
        RENEWING,
        "secretsmanager:GetSecretValue on */account-password/* (*",
        "Accounts that send a password, which no server of the tests takes from a deployed function.",
        "grants::a_person_s_password_is_sent_only_where_the_provider_allows_it",
    ),
)
