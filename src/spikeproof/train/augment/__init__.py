"""Random changes of training items, by modality."""

__all__: list[str] = []
