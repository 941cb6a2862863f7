"""Taking members out of a consumer group: they leave, their session ends, or they do not give up in time."""

from __future__ import annotations

from collections.abc import Sequence

from kafkalite.coordination.group.consumer.draft import Draft
from kafkalite.coordination.group.consumer.member import ConsumerMember
from kafkalite.coordination.group.modern.metadata_hash import group_hash
from kafkalite.coordination.ports import TopicView


def remove_members(draft: Draft, members: Sequence[ConsumerMember], topics: TopicView) -> None:
    """Their partitions are free with that; a new group epoch says that somebody else is to have them."""
    for member in members:
        draft.remove_member(member.member_id)
    for expression in dict.fromkeys(each.metadata.topic_regex for each in members):
        if expression and expression not in draft.group.regex_subscribers:
            draft.remove_regex(expression)
    draft.put_epoch(draft.group.epoch + 1, group_hash(draft.group.subscribed_topics(), topics))
