"""Run under SAM's own environment (.venv/sam): templates from stdin through the SAM transform, the results to stdout.

Reads a JSON list of templates (intrinsic functions in their long form), each with values of parameters; writes a list
with, for each, the transformed template, or the errors as a text. Code and definitions get addresses in S3, as when SAM
packages them.
"""

import json
import os
import sys

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def transform(template, parameters):
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if name in properties:
                properties[name] = f"s3://bucket/{logical_id}"
    # SAM itself looks at the value of some parameters, so each gets one; it leaves all other references as they are.
    values = {name: body.get("AllowedValues", ["given"])[0] for name, body in template.get("Parameters", {}).items()
              if "Default" not in body}  # fmt: skip
    values.update(parameters)
    try:
        # No managed policy is named, so none is looked up.
        return Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1")).translate(template, values)
    except InvalidDocumentException as error:
        return "; ".join(cause.message for cause in error.causes)


if __name__ == "__main__":
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    json.dump([transform(*arguments) for arguments in json.load(sys.stdin)], sys.stdout)
