"""Configs with what was set at run time, which lives in the image."""

from __future__ import annotations

from kafkalite.config.broker_config import BrokerConfig
from kafkalite.config.group_config import GroupConfig, group_config
from kafkalite.metadata.image import ConfigResourceType, MetadataImage


def with_dynamic_configs(config: BrokerConfig, image: MetadataImage) -> BrokerConfig:
    """`config` under what `image` has for this broker and for all brokers; `config` itself when that is nothing."""
    own = image.config_of(ConfigResourceType.BROKER, str(config.node_id))
    everyone = image.config_of(ConfigResourceType.BROKER, "")
    return config.with_dynamic(own, everyone) if own or everyone else config


def config_of_group(config: BrokerConfig, image: MetadataImage, group_id: str) -> GroupConfig:
    """What holds for a group: its own settings over those of `config`, the broker's with its dynamic ones."""
    return group_config(config, image.config_of(ConfigResourceType.GROUP, group_id))
