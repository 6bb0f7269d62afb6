"""The template after SAM's transform, as CloudFormation gets it: by the translator that `sam` itself uses."""

import json
import subprocess
from functools import cache
from typing import Any

from .paths import CHECKOUT, TEMPLATE

_SAM_PYTHON = CHECKOUT / ".venv/sam/bin/python"

_SCRIPT = """
import json, os, sys

os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

path, parameters = sys.argv[1], json.loads(sys.argv[2])
with open(path) as file:
    template = yaml_parse(file)
# What `sam package` does: code becomes an address, and an address names its content.
template["Globals"]["Function"]["CodeUri"] = "s3://bucket/functions"
for name, resource in template["Resources"].items():
    properties = resource.get("Properties", {})
    for key in {"CodeUri", "ContentUri", "DefinitionUri"} & properties.keys():
        properties[key] = "s3://bucket/" + name
session = boto3.Session(region_name="us-east-1")
print(json.dumps(Translator({}, Parser(), boto_session=session).translate(template, parameters)))
"""


@cache
def transform_template(**parameters: str) -> dict[str, Any]:
    """Transform the bundle's template.

    Args:
        **parameters: values of parameters; those without a default are needed.

    Raises:
        AssertionError: SAM rejects the template, or is not installed.
    """
    assert _SAM_PYTHON.exists(), "make .venv/.sam installs the translator that this test needs"
    arguments = [str(_SAM_PYTHON), "-c", _SCRIPT, str(TEMPLATE), json.dumps(parameters)]
    process = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == 0, process.stderr[-2000:]
    return json.loads(process.stdout)
