"""Keys of pseudonyms: epochs, and who has lost theirs. Needs neither Faust nor Kafka."""

from turnlog.processors.keys.ring import Epoch, EpochKey, KeyRing, MasterKey, TreeKey
from turnlog.processors.keys.tree import SEED_BYTES, Tree

__all__ = [
    "SEED_BYTES",
    "Epoch",
    "EpochKey",
    "KeyRing",
    "MasterKey",
    "Tree",
    "TreeKey",
]
