"""What the built-in agents hand to each other."""

from pydantic import BaseModel


class Document(BaseModel):
    """A text with a name."""

    title: str
    text: str


class Notes(BaseModel):
    """What a document says."""

    facts: str


class Summary(BaseModel):
    """A document, short."""

    text: str


class Critique(BaseModel):
    """What a summary gets wrong or leaves out."""

    points: str


class Brief(BaseModel):
    """Notes, summary and critique made one."""

    markdown: str
