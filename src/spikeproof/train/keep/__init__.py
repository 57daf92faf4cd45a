"""What a training keeps: history, checkpoints, logs, cards."""

__all__: list[str] = []
