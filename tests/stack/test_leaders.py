import pytest
from confluent_kafka import KafkaError, KafkaException

from turnlog.stack.leaders import patiently


@pytest.mark.parametrize(
    "code",
    [KafkaError.LEADER_NOT_AVAILABLE, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError._NOENT],
)
def test_what_passes_is_asked_again(code: int) -> None:
    answers = [KafkaException(KafkaError(code)), KafkaException(KafkaError(code)), None]

    def ask() -> str:
        if answer := answers.pop(0):
            raise answer
        return "here"

    assert patiently(ask, 30, also={KafkaError._NOENT}) == "here"
    assert answers == []


def test_other_errors_and_lasting_ones_are_raised() -> None:
    def forbidden() -> None:
        raise KafkaException(KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED))

    def lasting() -> None:
        raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))

    for ask in (forbidden, lasting):
        with pytest.raises(KafkaException):
            patiently(ask, 0)
