"""The gradient rules beside the plain surrogate, one paper per file."""

__all__: list[str] = []
