"""A short stream through the policy, so that an image can be tried where there is no hub."""

from __future__ import annotations

from module_kit.identifiers import timestamp
from module_kit.prediction import ModelIdentity, Prediction, Score, Timings
from module_kit.self_test import Arrived, SelfTestError, import_packages
from results_filter.policy.budget import Budget
from results_filter.policy.moment import Moment
from results_filter.policy.results_filter import ResultsFilter
from results_filter.settings import FilterSettings

PACKAGES = ("azure.iot.device", "prometheus_client", "aiomqtt")


def self_test(_settings: FilterSettings) -> str:
    """One label that appears and goes must give a start, an end and a summary with the default settings."""
    import_packages(PACKAGES)
    settings = FilterSettings()
    start = Moment(1_750_000_000.0, 0.0)
    budget = Budget(settings.upstream_messages_per_day, settings.upstream_burst, start.wall)
    policy = ResultsFilter(settings, "results_filter.self-test", budget, start)
    deliveries = []
    for number in range(30):
        now = Moment(start.wall + number / 10, number / 10)
        sent = _prediction(number, "cat" if number < 15 else "dog", now.wall)
        prediction = Prediction.decode(Arrived(sent.encode(None), "predictions"))
        deliveries += policy.observe(prediction, None, now)
    deliveries += policy.stop(now)
    kinds = [delivery.message.properties.get("type", delivery.output) for delivery in deliveries]
    expected = ["start", "end", "start", "end", "summaries"]
    if kinds != expected:
        raise SelfTestError(f"the policy gave {kinds}, expected {expected}")
    return f"the policy gave {', '.join(kinds)}"


def _prediction(sequence: int, label: str, captured_s: float) -> Prediction:
    return Prediction(
        frame_id=f"self-test.0.{sequence}",
        source="self-test",
        boot="0",
        sequence=sequence,
        captured_at=timestamp(captured_s),
        model=ModelIdentity(name="none", version="0", sha256="0" * 64),
        top=[Score(label=label, probability=0.9)],
        abstained=False,
        timings_ms=Timings(queue=0, decode=0, infer=0),
        frame_sha256="0" * 64,
    )
