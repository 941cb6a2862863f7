"""ACLs, on an Apache Kafka and a kafkalite that have an authorizer. As `test_same_answers.py`, but for the pair of brokers."""

from __future__ import annotations

import pytest

from tests.differential import acl_scenarios
from tests.differential.transcript import Accepted, not_accepted, not_seen

pytestmark = [pytest.mark.java, pytest.mark.timeout(180)]

ACCEPTED = [
    Accepted(
        r"^bad / create (resource type|pattern|operation|permission) (any|match) ",
        "what is for filters only is an exception in Kafka (UNKNOWN_SERVER_ERROR); here it is INVALID_REQUEST",
    ),
]


@pytest.mark.parametrize("scenario", acl_scenarios.SCENARIOS, ids=lambda one: one.__name__)
def test_kafka_and_kafkalite_keep_the_same_acls(pair_with_authorizer, scenario):
    new = not_accepted(pair_with_authorizer.run(scenario), ACCEPTED)
    assert not new, "\n" + "\n".join(map(str, new))


def test_list_of_accepted_differences_of_acls_is_needed(pair_with_authorizer):
    if pair_with_authorizer.scenarios_run < len(acl_scenarios.SCENARIOS):
        pytest.skip("only some scenarios were run")
    assert not not_seen(pair_with_authorizer.found, ACCEPTED)
    assert pair_with_authorizer.count >= 300
