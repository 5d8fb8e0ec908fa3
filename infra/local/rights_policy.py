"""Policies, as far as the template uses them, and whether they allow what is asked for.

Evaluates Allow and Deny; actions and resources with `*` and `?`; the operators of OPERATORS on condition keys, for one
value or for all, and where a key is there; and whether one is there at all. Any other operator is an error and never
passed over. The rules are those of
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html.
Leaves out boundaries and whatever an organisation adds, and who the principal of a resource's policy is.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .rights_asked import Asked

LEADING_KEYS = "dynamodb:LeadingKeys"
ATTRIBUTES = "dynamodb:Attributes"
FOR_ALL, IF_EXISTS, NULL = "ForAllValues:", "IfExists", "Null"


def like(text: str, pattern: str) -> bool:
    """Whether a text fits a pattern in which `*` stands for any characters and `?` for one."""
    return _compiled(pattern).fullmatch(text) is not None


def short(arn: str) -> str:
    """What of a resource's ARN people want to know."""
    return arn.split(":", 5)[-1]


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = ({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.compile("".join(parts), re.DOTALL)


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda text, wanted: text == wanted,
    "StringLike": like,
    "ArnLike": like,
    "Bool": lambda text, wanted: text.lower() == wanted.lower(),
    "NumericGreaterThanEquals": lambda text, wanted: float(text) >= float(wanted),
}


@dataclass(frozen=True)
class Right:
    """The smallest part of a statement that could be taken away."""

    role: str
    statement: str
    action: str
    resource: str
    # A partition of the table, where the statement is limited to some.
    key: str | None = None
    # An attribute that may be written, where the statement names them; action and resource are then all of its own.
    attribute: str | None = None

    def __str__(self) -> str:
        where = f", items {self.key}" if self.key else ""
        named = f", attribute {self.attribute}" if self.attribute else ""
        return f"{self.action} on {short(self.resource)}{where}{named} ({self.statement})"


@dataclass(frozen=True)
class Statement:
    """A statement of a role's policy."""

    role: str
    name: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    # Operator, key, and the values that it names.
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, role: str, statement: dict[str, Any]) -> "Statement":
        """A statement of a policy document, in which everything is resolved."""
        conditions = tuple(
            (operator, key, _texts(values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
        name, allows = statement.get("Sid", "without a name"), statement["Effect"] == "Allow"
        return cls(role, name, allows, _texts(statement["Action"]), _texts(statement["Resource"]), conditions)

    def covers(self, asked: Asked) -> bool:
        """Whether it speaks of what is asked for."""
        return (
            any(like(asked.action.lower(), action.lower()) for action in self.actions)
            and any(like(asked.resource, resource) for resource in self.resources)
            and all(_holds(*condition, dict(asked.given)) for condition in self.conditions)
        )

    def rights(self) -> Iterator[Right]:
        """All that it allows."""
        for action in self.actions:
            for resource in self.resources:
                for key in self._named(LEADING_KEYS) or (None,):
                    yield Right(self.role, self.name, action, resource, key)
        for attribute in self._named(ATTRIBUTES):
            yield Right(self.role, self.name, " ".join(self.actions), " ".join(self.resources), None, attribute)

    def used(self, asked: Asked) -> Iterator[set[Right]]:
        """Which of its rights a call needs that it covers: of each set one."""
        given = dict(asked.given)
        keys = {
            value: [key for key in self._named(LEADING_KEYS) if like(value, key)]
            for value in given.get(LEADING_KEYS, ())
        }
        for fitting in keys.values() or [[]]:
            yield {
                Right(self.role, self.name, action, resource, key)
                for action in self.actions
                for resource in self.resources
                for key in fitting or (None,)
                if like(asked.action.lower(), action.lower()) and like(asked.resource, resource)
            }
        for attribute in given.get(ATTRIBUTES, ()):
            if attribute in self._named(ATTRIBUTES):
                yield {Right(self.role, self.name, " ".join(self.actions), " ".join(self.resources), None, attribute)}

    def _named(self, key: str) -> tuple[str, ...]:
        return tuple(value for _, name, values in self.conditions if name == key for value in values)


def verdict(statements: Iterable[Statement], asked: Asked) -> list[Statement]:
    """The statements that allow what is asked for; none: it is refused."""
    covering = [statement for statement in statements if statement.covers(asked)]
    return covering if all(statement.allows for statement in covering) else []


def _holds(operator: str, key: str, wanted: tuple[str, ...], given: dict[str, tuple[str, ...]]) -> bool:
    if operator == NULL:
        return {"true": key not in given, "false": key in given}[wanted[0]]
    name, for_all, if_exists = (
        operator.removeprefix(FOR_ALL),
        operator.startswith(FOR_ALL),
        operator.endswith(IF_EXISTS),
    )
    name = name.removesuffix(IF_EXISTS)
    if name not in OPERATORS:
        raise ValueError(f"{operator} is a condition that nobody evaluates")
    values = given.get(key, ())
    # For all of none holds; one that is not there does not.
    if not values:
        return for_all or if_exists
    if len(values) > 1 and not for_all:
        raise ValueError(f"{key} has several values and {operator} is about one")
    return all(any(OPERATORS[name](value, each) for each in wanted) for value in values)


def _texts(values: Any) -> tuple[str, ...]:
    found = values if isinstance(values, list) else [values]
    unknown = [each for each in found if not isinstance(each, str)]
    if unknown:
        raise ValueError(f"{unknown} is not resolved")
    return tuple(found)
