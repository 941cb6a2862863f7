"""ACLs are kept and keep nobody out: whoever makes the first is told so, and whoever starts a broker that has some."""

from __future__ import annotations

import logging

from kafkalite.metadata.image import MetadataImage

_log = logging.getLogger(__name__)


def tell_of_idle_acls(old: MetadataImage, new: MetadataImage) -> None:
    """One line in the log when there are ACLs and were none."""
    if new.users.acls and not old.users.acls:
        _log.warning(
            "there are %d ACLs; they are stored and listed, but not enforced: everybody may do everything",
            len(new.users.acls),
        )
