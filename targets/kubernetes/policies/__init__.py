"""What our objects must be beyond what Kubernetes accepts: one function a rule, over all that is rendered together."""

from targets.kubernetes.policies.check import RULES, Finding, check

__all__ = ["RULES", "Finding", "check"]
