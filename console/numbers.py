"""Numbers as people read them: with their noun, or shortened."""


def counted(number: int, noun: str, several: str = "") -> str:
    """Say how many: `1 message`, `2 messages`; `several` is the plural that isn't made with an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {several or noun + 's'}"


def short(number: int) -> str:
    """Write a large number with two or three figures: `950`, `4.1k`, `12M`."""
    for size, name in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f}{name}" if number < 10 * size else f"{number // size}{name}"
    return str(number)
