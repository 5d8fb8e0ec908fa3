"""Whether CloudFormation takes a set of parameters: their types, patterns and values, and the template's rules.

Guarantees the sentences that people get, without an account; the emulator evaluates neither patterns nor rules.
Leaves out parameters whose types are looked up in an account, and rules that look them up: the template has none.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

Template = dict[str, Any]

# Of an account of AWS; the account of emulators is given to nobody.
ACCOUNT = "111122223333"
LOCAL_ACCOUNT = "000000000000"


def complete(template: Template, given: dict[str, str]) -> dict[str, str]:
    """All parameters: what is given, else the default."""
    return {name: given.get(name, str(each.get("Default", ""))) for name, each in template["Parameters"].items()}


def wrong(template: Template, given: dict[str, str]) -> Iterator[str]:
    """What is wrong with single parameters, a sentence for each."""
    for name, value in given.items():
        parameter = template["Parameters"].get(name)
        if parameter is None:
            yield f"the template has no parameter {name}"
        elif not _fits(parameter, value):
            yield f"{name} {constraint(parameter)}"


def constraint(parameter: dict[str, Any]) -> str:
    """What a parameter must be, as its sentence goes on after its name."""
    if "ConstraintDescription" in parameter:
        return parameter["ConstraintDescription"]
    if "AllowedValues" in parameter:
        return f"must be one of {', '.join(map(str, parameter['AllowedValues']))}."
    return f"must be a number from {parameter.get('MinValue')} to {parameter.get('MaxValue')}."


def contradictions(template: Template, given: dict[str, str], account: str = ACCOUNT) -> Iterator[str]:
    """What the rules say against a set of parameters, a sentence for each that does not hold."""
    values = {**complete(template, given), "AWS::AccountId": account}
    for rule in template.get("Rules", {}).values():
        if holds(rule.get("RuleCondition", True), values):
            for assertion in rule["Assertions"]:
                if not holds(assertion["Assert"], values):
                    yield assertion["AssertDescription"]


def holds(expression: Any, values: dict[str, str]) -> bool:
    """Whether an expression of a rule is true. Rules know fewer functions than the rest of a template
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html).
    """
    if isinstance(expression, bool):
        return expression
    ((function, operands),) = expression.items()
    if function not in FUNCTIONS:
        raise ValueError(f"{function} is no function of rules")
    return FUNCTIONS[function](operands, values)


def _value(operand: Any, values: dict[str, str]) -> str:
    if isinstance(operand, dict):
        ((function, name),) = operand.items()
        if function != "Ref":
            raise ValueError(f"{function} is no value of rules")
        return values[name]
    if not isinstance(operand, str):
        raise ValueError(f"{operand!r} is compared with a text")
    return operand


def _several(operands: list[Any]) -> list[Any]:
    if not 2 <= len(operands) <= 10:
        raise ValueError("And and Or take two to ten conditions")
    return operands


FUNCTIONS: dict[str, Callable[[Any, dict[str, str]], bool]] = {
    "Fn::And": lambda operands, values: all(holds(each, values) for each in _several(operands)),
    "Fn::Or": lambda operands, values: any(holds(each, values) for each in _several(operands)),
    "Fn::Not": lambda operands, values: not holds(operands[0], values),
    "Fn::Equals": lambda operands, values: _value(operands[0], values) == _value(operands[1], values),
    "Fn::Contains": lambda operands, values: (
        _value(operands[1], values) in [_value(each, values) for each in operands[0]]
    ),
}


def _fits(parameter: dict[str, Any], value: str) -> bool:
    if parameter["Type"] not in {"String", "Number"}:
        raise ValueError(f"{parameter['Type']} is a type that nobody checks")
    if parameter["Type"] == "Number":
        if not re.fullmatch(r"-?\d+", value):
            return False
        if not parameter.get("MinValue", int(value)) <= int(value) <= parameter.get("MaxValue", int(value)):
            return False
    if "AllowedValues" in parameter and value not in map(str, parameter["AllowedValues"]):
        return False
    if len(value) > parameter.get("MaxLength", len(value)):
        return False
    return re.fullmatch(parameter.get("AllowedPattern", ".*"), value) is not None
