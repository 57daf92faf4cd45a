"""``python -m spikeproof``, the same as the command ``spikeproof``."""

from spikeproof.cli.main import main

if __name__ == "__main__":
    main()
