"""Results as the gateway tells them by HTTP."""

import asyncio
from http import HTTPStatus
from typing import Final

from httpx2 import AsyncClient, Response

_WITHIN_SECONDS: Final = 150.0


async def ended_by_http(http: AsyncClient, url: str) -> Response:
    """Poll until the run has ended; its result as it is told there."""
    async with asyncio.timeout(_WITHIN_SECONDS):
        while True:
            answer = await http.get(url, params={"wait": "30"})
            if answer.status_code != HTTPStatus.ACCEPTED:
                return answer
