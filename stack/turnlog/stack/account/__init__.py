"""Proves the promise: what each producer sent is stored, dead-lettered, or was counted as dropped; nothing is twice."""

from turnlog.stack.account.entry import Account, Doubles, Entry, Gap, in_words
from turnlog.stack.account.ledger import read_account
from turnlog.stack.account.underway import UnderWay
from turnlog.stack.account.wait import settle

__all__ = ["Account", "Doubles", "Entry", "Gap", "UnderWay", "in_words", "read_account", "settle"]
