"""What the three APIs of ACLs (KIP-140, KIP-290) share."""

from __future__ import annotations

from kafkalite_protocol.error_codes import ErrorCode

from kafkalite.broker.request import CloseConnection, RequestContext
from kafkalite.errors import KafkaError
from kafkalite.metadata.acl_filter import AclFilter
from kafkalite.metadata.users_image import AclEntry


def security_disabled(context: RequestContext) -> KafkaError | None:
    """The refusal when `authorizer.class.name` is empty: nobody would look at ACLs."""
    if context.broker.config.authorizer_class_name:
        return None
    return KafkaError(
        ErrorCode.SECURITY_DISABLED, "There are no ACLs: authorizer.class.name is not set."
    )


def check_readable(one: AclEntry | AclFilter) -> None:
    """Raises `CloseConnection` for a 0 where a kind of something is said: Kafka takes it for bytes it cannot read."""
    kinds = (one.resource_type, one.pattern_type, one.operation, one.permission_type)
    if 0 in kinds:
        raise CloseConnection("an ACL of an unknown kind")
