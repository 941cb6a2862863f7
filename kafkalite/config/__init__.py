"""Broker and topic configs under Kafka's names: types, defaults, checks, sources, and how they are described.

BrokerConfig({"num.partitions": "3"}).num_partitions                -> 3
TopicConfig.resolve(broker, {"retention.ms": "1000"}).retention_ms  -> 1000
validate_topic_configs({"retention.m": "1"})                        -> ConfigError: did you mean ...
describe.describe_topic(broker, overrides), describe_broker(broker) -> what DescribeConfigs answers
"""

from kafkalite.config.broker_config import BrokerConfig, ConfigSource
from kafkalite.config.problems import ConfigError, InvalidConfigurationError
from kafkalite.config.topic_config import TopicConfig, validate_topic_configs

__all__ = [
    "BrokerConfig",
    "ConfigError",
    "ConfigSource",
    "InvalidConfigurationError",
    "TopicConfig",
    "validate_topic_configs",
]
