"""Keys of pseudonyms: their epochs, where they are kept, and how they are destroyed. Needs neither Faust nor Kafka."""

from turnlog.processors.keys.file import KeyFile
from turnlog.processors.keys.form import dump, new_key, new_ring, parse
from turnlog.processors.keys.ring import Epoch, EpochKey, KeyRing, MasterKey, TreeKey
from turnlog.processors.keys.service import KeyService, load_service
from turnlog.processors.keys.source import FixedKeys, KeySource, WatchedKeys, key_source
from turnlog.processors.keys.tree import Tree

__all__ = [
    "Epoch",
    "EpochKey",
    "FixedKeys",
    "KeyFile",
    "KeyRing",
    "KeyService",
    "KeySource",
    "MasterKey",
    "Tree",
    "TreeKey",
    "WatchedKeys",
    "dump",
    "key_source",
    "load_service",
    "new_key",
    "new_ring",
    "parse",
]
