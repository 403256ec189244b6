"""Joining calls with model versions, deployments and prices. Needs neither Faust nor Kafka."""

from turnlog.processors.enrichment.catalogue import DEFAULT_TENANT, Catalogue

__all__ = ["DEFAULT_TENANT", "Catalogue"]
