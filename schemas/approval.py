"""What an approval gives: yes or no, why, by whom, and of what."""

from pydantic import BaseModel


class Approval(BaseModel, frozen=True):
    """The value of an approval step: somebody's answer. Conditions read it: `ok.pick(lambda a: a.approved)`."""

    approved: bool
    reason: str = ""
    by: str = ""
    """Who answered, as they called themselves: who may send signals at all is for Kafka's rights to say."""
    about_sha256: str = ""
    """Of the canonical JSON of the value that was approved, or rejected."""
