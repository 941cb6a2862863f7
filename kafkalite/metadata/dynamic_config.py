"""The broker's config with what was set at run time, which lives in the image."""

from __future__ import annotations

from kafkalite.config.broker_config import BrokerConfig
from kafkalite.metadata.image import ConfigResourceType, MetadataImage


def with_dynamic_configs(config: BrokerConfig, image: MetadataImage) -> BrokerConfig:
    """`config` under what `image` has for this broker and for all brokers; `config` itself when that is nothing."""
    own = image.config_of(ConfigResourceType.BROKER, str(config.node_id))
    everyone = image.config_of(ConfigResourceType.BROKER, "")
    return config.with_dynamic(own, everyone) if own or everyone else config
