"""Scenario files: which region, which policy, for how long; read once, checked in full.

Knows YAML, the library of scenarios and what a policy consists of; must not know how a contract
pays, how people behave or how a month runs. It is the only reader of scenario files.

A scenario is one region and one policy. Until month ``warm_up + baseline`` the region's status
quo is in force, from then on the scenario's own payment, benefits and audit. Providers and payers
that a reform does not mention keep the contract they had.

Files are untrusted. A scan of tokens caps size, depth and count before anything is built; tags,
anchors, merge keys, directives and second documents are refused; every mistake of a file is
reported with file, line, column and field, and nothing is run.
"""

from sim.scenario._checks import CHANNELS
from sim.scenario._forms import Horizon, Quantity, Selector, Strict, Text, checked
from sim.scenario._library import library_ids, library_root
from sim.scenario._nodes import (
    Node,
    Place,
    elsewhere,
    field_place,
    plain,
    raise_all,
    suggestion,
    unknown_name,
)
from sim.scenario._policy import Assignment, ContractGroup, Policy
from sim.scenario._reading import read_tree
from sim.scenario._scenario import (
    Scenario,
    catalogue,
    entries_of,
    json_schema,
    load,
    validate,
)
from sim.scenario._writing import as_yaml

__all__ = [
    "CHANNELS",
    "Assignment",
    "ContractGroup",
    "Horizon",
    "Node",
    "Place",
    "Policy",
    "Quantity",
    "Scenario",
    "Selector",
    "Strict",
    "Text",
    "as_yaml",
    "catalogue",
    "checked",
    "elsewhere",
    "entries_of",
    "field_place",
    "json_schema",
    "library_ids",
    "library_root",
    "load",
    "plain",
    "raise_all",
    "read_tree",
    "suggestion",
    "unknown_name",
    "validate",
]
