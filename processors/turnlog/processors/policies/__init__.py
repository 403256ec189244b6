"""What is redacted and how, as a file of the user's says it: for everybody, for single tenants, and by own rules."""

from turnlog.processors.policies.configuration import GROUPS, Configuration, Policy
from turnlog.processors.policies.custom import CustomRule, ruleset_of
from turnlog.processors.policies.redactors import Finders, TenantRedactor, configured, redactor_of

__all__ = [
    "GROUPS",
    "Configuration",
    "CustomRule",
    "Finders",
    "Policy",
    "TenantRedactor",
    "configured",
    "redactor_of",
    "ruleset_of",
]
