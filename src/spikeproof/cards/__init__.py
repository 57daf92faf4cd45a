"""Model cards that can be checked: a network with its evidence, and tables made of them"""

from typing import TYPE_CHECKING

from spikeproof.faces import lazy_face

if TYPE_CHECKING:
    from spikeproof.cards.board import Board, BoardRow, BoardTable, RefusedCard, leaderboard
    from spikeproof.cards.check import CardCheck, verify_card
    from spikeproof.cards.folder import CARD_FILES, is_card, read_card
    from spikeproof.cards.hub import hub_network, load_card_network
    from spikeproof.cards.make import WrittenCard, write_cards

__all__ = [
    "CARD_FILES",
    "Board",
    "BoardRow",
    "BoardTable",
    "CardCheck",
    "RefusedCard",
    "WrittenCard",
    "hub_network",
    "is_card",
    "leaderboard",
    "load_card_network",
    "read_card",
    "verify_card",
    "write_cards",
]

lazy_face(__name__)
