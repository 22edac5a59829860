"""The task with aiohttp, several calls at once, and no retries: it brings none."""

import asyncio
import os

import aiohttp

STYLES = ("harbour", "night_train", "library")


async def main() -> None:
    """Make the styles, then write the articles."""
    headers = {"Authorization": f"Bearer {os.environ['RESONANCE_API_KEY']}"}
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(
        os.environ["RESONANCE_URL"], headers=headers, timeout=timeout, raise_for_status=True
    ) as http:

        async def make(number: int, name: str) -> None:
            vector = [0.5 + number / 10] * 8
            body = {"tenant": "acme_corp", "profile_name": name, "hrv_vector": vector}
            try:
                async with http.post("/profiles", json=body):
                    pass
            except aiohttp.ClientResponseError as error:
                if error.status != 409:  # it is there already
                    raise

        async def write(name: str) -> None:
            body = {"prompt": f"A story of the {name}", "profile_name": name}
            async with http.post("/hr_generate", json=body) as response:
                answer = await response.json()
                print(f"{name}: {len(answer['article'])} characters")

        await asyncio.gather(*(make(number, name) for number, name in enumerate(STYLES)))
        await asyncio.gather(*(write(name) for name in STYLES))


asyncio.run(main())
