"""Networks of cards for the hub: loaded from a folder, or by the mixin of ``huggingface_hub``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from spikeproof.base import FileProblem, SettingError
from spikeproof.cards.folder import CONFIG, MODEL, config_of, read_config, read_file
from spikeproof.models import ModelSpec, Network, build, load_model, save_model

__all__ = ["hub_network", "load_card_network"]


def load_card_network(folder: Path | str) -> Network:
    """Load the network of a card's folder, weights and ``config.json`` compared with each other.

    Args:
        folder: A card, or what was downloaded of one: ``config.json`` and ``model.safetensors``.
    Returns:
        The network, in evaluation mode.
    Raises:
        FileProblem: a file is missing, a link, changed, or is about another network.
        SettingError: an architecture that this version does not know.
    Example:
        >>> load_card_network("no-such-card")
        Traceback (most recent call last):
        spikeproof.base.errors.FileProblem: There is no file of a card at no-such-card/config.json\
; get the folder again from where it came from, or make the card anew.
    """
    folder = Path(folder)
    config = read_config(folder)
    read_file(folder, MODEL)
    network = load_model(folder / MODEL)
    if config != config_of(network.spec.record()):
        raise FileProblem(f"{folder / CONFIG} is about another network than {folder / MODEL}.")
    return network


@cache
def hub_network() -> type[Any]:
    """Return the class that loads and saves networks by ``huggingface_hub``'s mixin.

    ``hub_network().from_pretrained("OWNER/NAME")`` takes a repository or a folder,
    ``save_pretrained(folder)`` writes ``config.json`` and a ``model.safetensors`` that
    ``load_model`` reads too. Only safetensors are read: where there are none, nothing is unpickled.

    Returns:
        A subclass of ``Network`` and ``PyTorchModelHubMixin``; its only argument is the record of
        a specification, ``spec``.
    Raises:
        SettingError: ``huggingface_hub`` is not installed.
    """
    try:
        from huggingface_hub import PyTorchModelHubMixin
    except ImportError:
        raise SettingError(
            "Loading by the hub's mixin needs huggingface_hub; install it with pip install "
            "'spikeproof[hub]', or load model.safetensors with load_model."
        ) from None

    # Where the library is not installed, mypy knows nothing of its class.
    class HubNetwork(Network, PyTorchModelHubMixin, library_name="spikeproof"):  # type: ignore[call-arg, misc, unused-ignore]
        """A network that the hub's mixin loads and saves.

        Args:
            spec: The record of its specification.
        """

        def __init__(self, spec: dict[str, Any]) -> None:
            built = build(ModelSpec.from_record(spec))
            super().__init__(built.spec, built.body)

        def _save_pretrained(self, save_directory: Path) -> None:
            save_model(self, Path(save_directory) / MODEL)

        @classmethod
        def _load_as_safetensor(
            cls, model: Any, model_file: str, map_location: str, strict: bool
        ) -> Any:
            found = load_model(model_file)
            if found.spec != model.spec:
                raise FileProblem(f"{CONFIG} is about another network than {model_file}.")
            model.load_state_dict(found.state_dict())
            return model.to(map_location).eval()

        @classmethod
        def _load_as_pickle(
            cls, model: Any, model_file: str, map_location: str, strict: bool
        ) -> NoReturn:
            raise FileProblem(f"{model_file} is a pickle, which is never opened; use {MODEL}.")

    return HubNetwork
