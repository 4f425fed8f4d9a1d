"""Where this process serves its `/metrics`: set once, by `setup`, and told in the process's presence."""


class _Served:
    url = ""


def at(url: str) -> None:
    """Say where."""
    _Served.url = url


def metrics_url() -> str:
    """Return the URL; empty if it is not served."""
    return _Served.url
