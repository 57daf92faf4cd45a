"""The loop that minimises an objective: steps, epochs, processes."""

__all__: list[str] = []
