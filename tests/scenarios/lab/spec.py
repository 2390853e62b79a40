"""The YNL specification, as tests of requests read it."""

from pathlib import Path

import yaml

from .rawnl import numbers

SPEC = yaml.safe_load(
    (Path(__file__).parents[3] / "Documentation/netlink/specs/vgw.yaml").read_text("utf-8")
)
SIZES = {"u8": 1, "u32": 4, "s32": 4, "u64": 8}
CONSTANTS = {d["name"]: d["value"] for d in SPEC["definitions"] if d["type"] == "const"}


def attributes_of(name):
    """(attribute, number) of a set."""
    num = numbers()
    for found in SPEC["attribute-sets"]:
        if found["name"] == name:
            prefix = found["name-prefix"].replace("-", "_").upper()
            for each in found["attributes"]:
                number = num.get(prefix + each["name"].replace("-", "_").upper())
                if number is not None:
                    yield each, number


def checks_of(attribute):
    """Its bounds, constants by their value."""
    found = attribute.get("checks", {})
    return {k: CONSTANTS.get(v, v) if isinstance(v, str) else v for k, v in found.items()}
