"""Apache Kafka 4.3.0 and kafkalite are asked the same over 4000 things, and must answer alike, field by field.

Every served version of the APIs of records, logs, administration, configs and all types of groups, good and bad, and what a
connection takes. Differences are printed; the ones we keep are listed in `accepted.py` with reasons.

Not compared: ids, addresses, times of the wall clock, room on the disk, texts (only whether there is one), the order of
partitions in answers to Produce, ListOffsets and DeleteRecords (in Kafka that of a hash map), and the cut-off batch at the
end of what Kafka gives to Fetch (clients drop it; here it is not sent).
Not asked: null records in Produce, which Kafka never answers.
"""

from __future__ import annotations

import pytest

from tests.differential import (
    admin_scenarios,
    config_scenarios,
    connection_scenarios,
    consumer_group_scenarios,
    fetch_scenarios,
    group_scenarios,
    log_scenarios,
    produce_scenarios,
    recompression_scenarios,
    share_group_scenarios,
    share_scenarios,
    streams_scenarios,
    transaction_scenarios,
    transactional_partition_scenarios,
)
from tests.differential.accepted import ACCEPTED
from tests.differential.transcript import not_accepted, not_seen

pytestmark = [pytest.mark.java, pytest.mark.timeout(180)]

# Those of connections and fetches first: they list every topic, and read an internal one.
SCENARIOS = [
    scenario
    for module in (
        connection_scenarios,
        produce_scenarios,
        fetch_scenarios,
        log_scenarios,
        recompression_scenarios,
        admin_scenarios,
        config_scenarios,
        group_scenarios,
        consumer_group_scenarios,
        share_group_scenarios,
        share_scenarios,
        streams_scenarios,
        transaction_scenarios,
        transactional_partition_scenarios,
    )
    for scenario in module.SCENARIOS
]
REQUESTS_MIN = 2000


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.__name__)
def test_kafka_and_kafkalite_answer_alike(pair, scenario):
    new = not_accepted(pair.run(scenario), ACCEPTED)
    assert not new, "\n" + "\n".join(map(str, new))


def test_list_of_accepted_differences_has_nothing_that_is_not_seen_any_more(pair):
    if pair.scenarios_run < len(SCENARIOS):
        pytest.skip("only some scenarios were run")
    assert not not_seen(pair.found, ACCEPTED)
    assert pair.count >= REQUESTS_MIN
