import pytest

from local.api_gateway.router import match_route
from local.template.apis import Route

ROUTES = tuple(
    Route(method, path, function, None)
    for method, path, function in [
        ("GET", "/pets/{id}", "get pet"),
        ("ANY", "/pets/{id}", "any pet"),
        ("GET", "/pets/dog", "dog"),
        ("GET", "/pets/{id}/toys/{toy}", "toy"),
        ("GET", "/pets/{proxy+}", "get greedy"),
        ("ANY", "/{proxy+}", "any greedy"),
        ("ANY", "$default", "default"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "function", "parameters"),
    [
        ("GET", "/pets/dog", "dog", {}),
        ("POST", "/pets/dog", "any pet", {"id": "dog"}),
        ("GET", "/pets/6", "get pet", {"id": "6"}),
        ("DELETE", "/pets/6", "any pet", {"id": "6"}),
        ("GET", "/pets/6/toys/ball", "toy", {"id": "6", "toy": "ball"}),
        ("GET", "/pets/6/toys", "get greedy", {"proxy": "6/toys"}),
        ("POST", "/pets/6/toys", "any greedy", {"proxy": "pets/6/toys"}),
        ("GET", "/", "any greedy", {"proxy": ""}),
        ("GET", "/pets/%2B1555%40x", "get pet", {"id": "+1555@x"}),
        ("GET", "/pets/a%2Fb", "get pet", {"id": "a/b"}),
        ("GET", "/pets/a+b", "get pet", {"id": "a+b"}),
        ("GET", "/pets/%252F", "get pet", {"id": "%2F"}),
        ("GET", "/pe%74s/dog", "dog", {}),
    ],
)
def test_the_most_specific_route_is_taken(method: str, path: str, function: str, parameters: dict[str, str]) -> None:
    found = match_route(ROUTES, method, path)
    assert found is not None
    assert (found.route.function, found.parameters) == (function, parameters)


def test_without_a_fitting_route_default_is_taken_and_without_that_none() -> None:
    routes = (Route("GET", "/a", "a", None), Route("ANY", "$default", "default", None))
    found = match_route(routes, "POST", "/a")
    assert found is not None
    assert found.route.key == "$default"
    assert match_route(routes[:1], "POST", "/a") is None


def test_an_empty_segment_is_no_parameter() -> None:
    assert match_route((Route("GET", "/pets/{id}", "f", None),), "GET", "/pets/") is None
