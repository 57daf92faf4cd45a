"""What several attacks are made of."""

__all__: list[str] = []
