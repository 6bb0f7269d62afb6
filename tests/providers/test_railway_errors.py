"""The meaning of Railway's error texts."""

import pytest

from pointsman.providers.railway.errors import parse_error_body, parse_graphql_errors


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Not Authorized", "unauthorized"),
        ("Project Token not found", "unauthorized"),
        ("Two Factor Authentication Required", "unauthorized"),
        ('A service named "x" already exists in this project', "taken"),
        ('A service named "two factor, not found" already exists in this project', "taken"),
        ("Problem processing request", "unavailable"),
        ("Failed to create service domain, please try again", "unavailable"),
        ("something that nobody has seen yet", "unavailable"),
        ("", "unavailable"),
        ("Deployment not found", "not_found"),
        ("ServiceInstance not found", "not_found"),
        ("Cannot redeploy yet, please wait for the original deployment to finish building", "throttled"),
        ("Cannot redeploy without a snapshot", "not_ready"),
        ("Whoa there pal! You are creating volumes too quickly. Try again in a sec", "throttled"),
        ("You are creating projects too quickly. This workspace allows 1 project per 30 seconds", "throttled"),
        ("Only one environment can be created per user every 30s", "throttled"),
        ("Free plan resource provision limit exceeded. Please upgrade your plan", "limit"),
    ],
)
def test_the_kind_is_parsed_from_the_message(message, kind):
    assert parse_graphql_errors([{"message": message, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]).kind == kind
    assert parse_graphql_errors([{"message": message}]).kind == kind


def test_the_code_decides_if_the_message_is_unknown():
    assert parse_graphql_errors([{"message": "?", "extensions": {"code": "UNAUTHENTICATED"}}]).kind == "unauthorized"
    assert parse_graphql_errors([{"message": "?", "extensions": {"code": "BAD_USER_INPUT"}}]).kind == "invalid"
    assert parse_graphql_errors("not even a list").kind == "unavailable"
    assert (
        parse_error_body(400, {"errors": [{"message": 'Cannot query field "x" on type "Mutation".'}]}).kind == "invalid"
    )
    assert parse_error_body(400, {"errors": [{"message": "?"}]}).kind is None
    assert parse_error_body(502, None).kind is None


def test_retry_after_is_parsed_from_the_message():
    assert (
        parse_graphql_errors([{"message": "too quickly. This workspace allows 1 project per 30 seconds"}]).retry_after
        == 30
    )
    assert parse_graphql_errors([{"message": "Only one project can be created per user every 30s"}]).retry_after == 30
    assert parse_graphql_errors([{"message": "volumes too quickly. Try again in a sec"}]).retry_after == 1
