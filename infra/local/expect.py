"""How resources of the translated template are found and compared."""

import json
from collections.abc import Iterator
from typing import Any

Resource = dict[str, Any]


def of_type(resources: dict[str, Resource], kind: str) -> dict[str, Resource]:
    """The resources of a type, by name."""
    return {name: resource for name, resource in resources.items() if resource["Type"] == kind}


def expect(name: str, properties: dict[str, Any], key: str, value: object) -> Iterator[str]:
    """What is wrong with a property that should have a value."""
    found = properties.get(key)
    if json.dumps(found, sort_keys=True) != json.dumps(value, sort_keys=True):
        yield f"{name}: {key} is {found!r} and should be {value!r}"
