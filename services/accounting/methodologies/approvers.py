"""The two people behind a change of the library."""

from typing import Final, NamedTuple


class Approvers(NamedTuple):
    """Subjects of the operators who proposed and approved. Several proposers are joined by commas."""

    proposed_by: str
    approved_by: str


# The seed publishes the documents of the release.
SHIPPED: Final = Approvers("~shipped", "~shipped")
