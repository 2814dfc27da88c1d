"""What can be wrong with a route, and where.

RouteLanguageError
├── RouteError     one mistake, located by route, line and column
└── RouteErrors    all mistakes of one `routes` section
"""

from __future__ import annotations

from collections.abc import Sequence


class RouteLanguageError(ValueError):
    """Root of the errors of routes and conditions."""


class RouteError(RouteLanguageError):
    """One mistake.

    Attributes:
        route: the route's name, None for a condition that stands alone.
        line, column: 1-based, within the route's (or the condition's) text.
        message: what is wrong.
        mend: what to do about it.
    """

    def __init__(
        self, message: str, *, mend: str, line: int = 1, column: int = 1, route: str | None = None
    ) -> None:
        subject = "" if route is None else f'route "{route}", '
        super().__init__(f"{subject}line {line}, column {column}: {message}. {mend}.")
        self.route = route
        self.line = line
        self.column = column
        self.message = message
        self.mend = mend

    @classmethod
    def at(cls, text: str, position: int, message: str, mend: str) -> RouteError:
        """The error at a 0-based position of `text`."""
        line = text.count("\n", 0, position) + 1
        column = position - (text.rfind("\n", 0, position) + 1) + 1
        return cls(message, mend=mend, line=line, column=column)

    def of_route(self, name: str) -> RouteError:
        """The same error, told of the route `name`."""
        return RouteError(self.message, mend=self.mend, line=self.line, column=self.column, route=name)


class RouteErrors(RouteLanguageError):  # noqa: N818 - a group of errors
    """All mistakes of one condition or of one `routes` section; none of its routes may be used (spec C.9)."""

    def __init__(self, errors: Sequence[RouteError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = tuple(errors)
