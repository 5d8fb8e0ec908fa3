"""The translated template as CloudFormation makes it for one set of parameters: conditions decided, what is left out
gone, parameters put in. What only a deployed resource knows stays a reference, or is looked up.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from . import parameters
from .expect import Resource

# Answers a resource's reference, or one of its attributes; nothing, where it is not known.
Lookup = Callable[[str, str | None], str | None]
NAMED = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")
ABSENT = object()


@dataclass(frozen=True)
class Resolved:
    """What would be deployed."""

    resources: dict[str, Resource]
    outputs: dict[str, Any]

    def dangling(self) -> Iterator[str]:
        """References to what is not there."""
        for kind, parts in (("resource", self.resources), ("output", self.outputs)):
            for name, part in parts.items():
                missing = {*_references(part), *_listed(part.get("DependsOn", []))} - self.resources.keys()
                yield from (f"the {kind} {name} speaks of {each}, which is not there" for each in sorted(missing))


class Resolver:
    """Evaluates a translated template for one set of parameters."""

    def __init__(self, template: parameters.Template, values: dict[str, str], lookup: Lookup | None = None) -> None:
        self.template = template
        self.values = values
        self.lookup = lookup or (lambda name, attribute: None)

    def resolved(self) -> Resolved:
        """The whole template."""
        return Resolved(self._kept("Resources"), self._kept("Outputs"))

    def condition(self, name: str) -> bool:
        """Whether a condition of the template holds."""
        return self._holds(self.template["Conditions"][name])

    def value(self, value: Any) -> Any:
        """A value of the template."""
        if isinstance(value, list):
            found = [self.value(each) for each in value]
            return [each for each in found if each is not ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, operand),) = value.items()
            if function in FUNCTIONS:
                return FUNCTIONS[function](self, operand)
        found = {key: self.value(each) for key, each in value.items()}
        return {key: each for key, each in found.items() if each is not ABSENT}

    def _kept(self, section: str) -> dict[str, Any]:
        parts = self.template[section].items()
        return {name: self.value(part) for name, part in parts if self._is_there(part)}

    def _is_there(self, part: dict[str, Any]) -> bool:
        return "Condition" not in part or self.condition(part["Condition"])

    def _holds(self, expression: Any) -> bool:
        ((function, operands),) = expression.items()
        match function:
            case "Condition":
                return self.condition(operands)
            case "Fn::And":
                return all(self._holds(each) for each in operands)
            case "Fn::Or":
                return any(self._holds(each) for each in operands)
            case "Fn::Not":
                return not self._holds(operands[0])
            case "Fn::Equals":
                one, other = (self.value(each) for each in operands)
                return str(one) == str(other)
        raise ValueError(f"{function} is no condition")

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return ABSENT
        if name in self.values:
            return self.values[name]
        found = self.lookup(name, None)
        return {"Ref": name} if found is None else found

    def _attribute(self, operand: Any) -> Any:
        name, attribute = operand.split(".", 1) if isinstance(operand, str) else operand
        found = self.lookup(name, attribute)
        return {"Fn::GetAtt": [name, attribute]} if found is None else found

    def _sub(self, operand: Any) -> Any:
        text, own = (operand, {}) if isinstance(operand, str) else (operand[0], self.value(operand[1]))

        def replaced(match: re.Match[str]) -> str:
            name = match[1]
            found = own[name] if name in own else self._attribute(name) if "." in name else self._ref(name)
            # A text with references in it stays one.
            found = found.get("Fn::Sub", found) if isinstance(found, dict) else found
            return found if isinstance(found, str) else match[0]

        text = NAMED.sub(replaced, text)
        return {"Fn::Sub": text} if NAMED.search(text) else text.replace("${!", "${")

    def _choice(self, operand: list[Any]) -> Any:
        condition, then, otherwise = operand
        return self.value(then if self.condition(condition) else otherwise)

    def _looked_up(self, operand: list[Any]) -> Any:
        table, first, second = operand[0], self.value(operand[1]), self.value(operand[2])
        return self.template["Mappings"][table][first][second]

    def _split(self, operand: list[Any]) -> list[str]:
        return self.value(operand[1]).split(operand[0])


FUNCTIONS: dict[str, Callable[[Resolver, Any], Any]] = {
    "Ref": Resolver._ref,
    "Fn::GetAtt": Resolver._attribute,
    "Fn::Sub": Resolver._sub,
    "Fn::If": Resolver._choice,
    "Fn::FindInMap": Resolver._looked_up,
    "Fn::Split": Resolver._split,
}


def resolve(template: parameters.Template, given: dict[str, str], pseudo: dict[str, str] | None = None) -> Resolved:
    """The template for what is given of its parameters."""
    return Resolver(template, {**parameters.complete(template, given), **(pseudo or PSEUDO)}).resolved()


# What AWS says of the place.
PSEUDO = {
    "AWS::AccountId": parameters.ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "postroom",
    "AWS::URLSuffix": "amazonaws.com",
}


def _references(value: Any) -> Iterator[str]:
    """The resources that a resolved value speaks of."""
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "Ref":
                yield each
            elif key == "Fn::GetAtt":
                yield each[0]
            elif key == "Fn::Sub":
                yield from (name.split(".")[0] for name in NAMED.findall(each))
            else:
                yield from _references(each)


def _listed(names: Any) -> list[str]:
    return names if isinstance(names, list) else [names]
