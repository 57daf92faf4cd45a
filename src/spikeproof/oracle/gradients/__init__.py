"""The gradient rule beside the plain surrogate, one paper per file."""

__all__: list[str] = []
