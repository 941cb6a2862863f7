"""The settings of the authorizer, which is a plug-in in Kafka: the broker has no definitions for its keys.

    authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
    super.users=User:admin;User:CN=kafka,OU=team
    allow.everyone.if.no.acl.found=true

ACLs are stored and listed and not enforced, so nothing hangs on the last two; any text for the third is true or false.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kafkalite.config.problems import ConfigError

STANDARD_AUTHORIZER: Final = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
"""The only authorizer that is taken for ours; others are Java classes."""

SUPER_USERS: Final = "super.users"

AUTHORIZER_KEYS: Final = (SUPER_USERS, "allow.everyone.if.no.acl.found")
"""What StandardAuthorizer reads by itself (measured with 4.3.0)."""


def authorizer_problems(settings: Mapping[str, str]) -> list[ConfigError]:
    """What is wrong with the authorizer or its keys. As in Kafka, the keys are not looked at without an authorizer."""
    name = settings.get("authorizer.class.name", "").strip()
    if not name:
        return []
    if name != STANDARD_AUTHORIZER:
        reason = f"must be empty or {STANDARD_AUTHORIZER}; Java classes cannot be loaded"
        return [ConfigError("authorizer.class.name", name, reason)]
    users = settings.get(SUPER_USERS, "")
    if all(":" in user for user in users.split(";") if user.strip()):
        return []
    return [ConfigError(SUPER_USERS, users, "must be type:name pairs with semicolons between")]
