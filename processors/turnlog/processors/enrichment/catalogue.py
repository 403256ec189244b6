"""What calls are joined with: model versions and deployments, and the join itself."""

from __future__ import annotations

from turnlog.processors.enrichment.costs import by_own_prices, by_public_table
from turnlog.processors.enrichment.deployments import Arm, History, choose
from turnlog.processors.enrichment.models import ModelEntry, TenantModels
from turnlog.schemas import Datum

DEFAULT_TENANT = "default"
"""The tenant whose model versions serve those that have not registered their own."""


class Catalogue:
    """Model versions and deployments of all tenants. Entries may come in any order, and more than once."""

    def __init__(self) -> None:
        self._models: dict[str, TenantModels] = {}
        self._deployments: dict[tuple[str, str, str], History] = {}

    def put_model(self, datum: Datum) -> bool:
        """Take a ModelVersion record; returns whether it changed anything."""
        entry = ModelEntry.of(datum)
        return self._models.setdefault(entry.tenant, TenantModels()).put(entry)

    def put_deployment(self, datum: Datum) -> bool:
        """Take a DeploymentEvent record; returns whether it changed anything."""
        place = (datum["tenant_id"], datum["environment"], datum["chatbot"])
        return self._deployments.setdefault(place, History()).put(datum)

    def enrich(self, call: Datum) -> Datum:
        """Return a ModelCall with model version, deployment, variant and cost filled in where they can be told.

        What the producer gave stays.
        """
        entry = self._model(call)
        model_id = call["model_version_id"] or (entry.id if entry else None)
        arm = self._arm(call, model_id)
        if arm is not None and model_id is None:
            model_id = arm.model_version_id
            entry = self._by_id(call["tenant_id"], model_id)
        filled = _cost_of(call, entry)
        if model_id is not None:
            filled["model_version_id"] = model_id
        if arm is not None:
            filled["deployment_id"] = arm.deployment_id
            filled["variant"] = arm.variant if call["variant"] is None else call["variant"]
        return {**call, **filled}

    def _arm(self, call: Datum, model_id: str | None) -> Arm | None:
        arms = self._arms(call)
        if call["deployment_id"] is not None:
            return next((each for each in arms if each.deployment_id == call["deployment_id"]), None)
        if model_id is None:
            # A call to a model that nobody registered is not a call to one that somebody did.
            arms = tuple(each for each in arms if not self._by_id(call["tenant_id"], each.model_version_id))
        return choose(arms, model_id, call["variant"])

    def _arms(self, call: Datum) -> tuple[Arm, ...]:
        history = self._deployments.get((call["tenant_id"], call["environment"], call["service_name"]))
        return history.at(call["event_time"]) if history else ()

    def _model(self, call: Datum) -> ModelEntry | None:
        if call["model_version_id"] is not None:
            return self._by_id(call["tenant_id"], call["model_version_id"])
        for tenant in dict.fromkeys((call["tenant_id"], DEFAULT_TENANT)):
            models = self._models.get(tenant)
            if models is None:
                continue
            for name in (call["response_model"], call["request_model"]):
                entry = models.find(name, call["provider_name"]) if name else None
                if entry is not None:
                    return entry
        return None

    def _by_id(self, tenant: str, model_version_id: str | None) -> ModelEntry | None:
        if model_version_id is None:
            return None
        for each in (tenant, DEFAULT_TENANT):
            models = self._models.get(each)
            if models is not None and model_version_id in models.by_id:
                return models.by_id[model_version_id]
        return None


def _cost_of(call: Datum, entry: ModelEntry | None) -> Datum:
    if call["cost"] is not None:
        return {"cost_source": call["cost_source"] or "producer"}
    cost = (by_own_prices(entry.prices, call) if entry else None) or by_public_table(call)
    return {} if cost is None else cost.fields()
