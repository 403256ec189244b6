"""A key for every tenant from one secret, and one tenant's key gone for good.

The tree of Goldreich, Goldwasser and Micali (1986): a seed has two children, each an HMAC of it, and a tenant's key is
the leaf that the bits of its name's digest lead to. To destroy one tenant's key, the seeds along its path are given up,
and in their place the siblings along it are kept (a punctured PRF: Boneh and Waters, 2013): every other leaf can still
be reached, this one by nobody. A key that is merely derived from a master key could not be destroyed while that exists.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

DEPTH = 64
"""Bits of a tenant's path: nobody can look for a name that shares another tenant's leaf, and none does so by chance."""

SEED_BYTES = 32


@dataclass(frozen=True)
class Tree:
    """Seeds from which the keys of tenants come.

    Attributes:
        seeds: By the path that they stand at, a text of zeros and ones; the whole tree's under the empty one.
    """

    seeds: Mapping[str, bytes] = field(repr=False)

    def leaf(self, tenant: str) -> bytes | None:
        """Return the secret of a tenant, or None if it was destroyed."""
        path = path_of(tenant)
        height = self._covering(path)
        if height is None:
            return None
        seed = self.seeds[path[:height]]
        for bit in path[height:]:
            seed = _child(seed, bit)
        return seed

    def without(self, tenant: str) -> Tree:
        """Return the tree from which this tenant's secret can't be had, and every other's can."""
        path = path_of(tenant)
        height = self._covering(path)
        if height is None:
            return self
        seeds = dict(self.seeds)
        seed = seeds.pop(path[:height])
        for index in range(height, DEPTH):
            other = "1" if path[index] == "0" else "0"
            seeds[path[:index] + other] = _child(seed, other)
            seed = _child(seed, path[index])
        return Tree(seeds)

    def _covering(self, path: str) -> int | None:
        return next((height for height in range(DEPTH + 1) if path[:height] in self.seeds), None)


def path_of(tenant: str) -> str:
    """Return the path to a tenant's leaf."""
    digest = hashlib.sha256(tenant.encode("utf-8", "surrogatepass")).digest()
    return f"{int.from_bytes(digest[: DEPTH // 8]):0{DEPTH}b}"


def _child(seed: bytes, bit: str) -> bytes:
    return hmac.digest(seed, b"turnlog seed " + bit.encode(), "sha256")
