"""Selection of the route that a request takes, by API Gateway's order of precedence."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from local.template.apis import Route


@dataclass(frozen=True)
class RouteMatch:
    """A route and its path parameters, percent-decoded; `$default` has none."""

    route: Route
    parameters: dict[str, str]


def match_route(routes: Sequence[Route], method: str, raw_path: str) -> RouteMatch | None:
    """Return the most specific route for a request; None if no route matches.

    A full match beats a greedy `{proxy+}`, and both beat `$default`; among full matches a static segment beats a
    parameter, from the left; the method itself beats ANY. The source is "Routes for HTTP APIs" in API Gateway's
    guide. A segment is decoded after it was matched, so an encoded slash stays within its parameter.

    Args:
        routes: Routes of all APIs; of equally specific ones the first wins.
        method: In upper case.
        raw_path: Percent-encoded, without the query.
    """
    segments = raw_path.split("/")[1:]
    best: tuple[tuple[object, ...], RouteMatch] | None = None
    for route in routes:
        if route.method not in ("ANY", method):
            continue
        path_match = _match_path(route, segments)
        if path_match is None:
            continue
        rank, parameters = path_match
        candidate = ((*rank, route.method == "ANY"), RouteMatch(route, parameters))
        if best is None or candidate[0] < best[0]:
            best = candidate
    return best[1] if best else None


def _match_path(route: Route, segments: list[str]) -> tuple[tuple[object, ...], dict[str, str]] | None:
    if route.path == "$default":
        return (2, ()), {}
    pattern = route.path.split("/")[1:]
    is_greedy = pattern[-1].startswith("{") and pattern[-1].endswith("+}")
    if len(segments) < len(pattern) if is_greedy else len(segments) != len(pattern):
        return None
    parameters: dict[str, str] = {}
    ranks: list[int] = []
    for index, expected in enumerate(pattern):
        if is_greedy and index == len(pattern) - 1:
            parameters[expected[1:-2]] = unquote("/".join(segments[index:]))
            ranks.append(2)
        elif expected.startswith("{") and expected.endswith("}"):
            if not segments[index]:
                return None
            parameters[expected[1:-1]] = unquote(segments[index])
            ranks.append(1)
        elif unquote(segments[index]) == expected:
            ranks.append(0)
        else:
            return None
    return (int(is_greedy), tuple(ranks)), parameters
