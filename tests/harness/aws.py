"""boto3 clients of the AWS services behind a stack."""

from functools import cache
from typing import Any

import boto3


@cache
def connect_aws(service: str, aws_url: str) -> Any:
    """A client of a service, such as `stepfunctions`, at a stack's AWS endpoint."""
    return boto3.client(
        service, endpoint_url=aws_url, region_name="us-east-1",
        aws_access_key_id="tests", aws_secret_access_key="tests",
    )  # fmt: skip
