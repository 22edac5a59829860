"""The task with the client of the original example: an error is a dict, and is printed."""

import os
from typing import Any

import requests

STYLES = ("harbour", "night_train", "library")


class ResonanceOSAPIClient:
    """Client for interacting with ResonanceOS v6 API."""

    def __init__(self, base_url: str = "http://localhost:8000", timeout: int = 30) -> None:
        self.base_url = base_url
        self.timeout = timeout
        self.session = requests.Session()
        self.session.headers.update(
            {"Content-Type": "application/json", "User-Agent": "ResonanceOS-Client/1.0"}
        )

    def post(self, path: str, request_data: dict[str, Any]) -> dict[str, Any]:
        """What each of its methods does."""
        try:
            response = self.session.post(
                f"{self.base_url}{path}", json=request_data, timeout=self.timeout
            )
            response.raise_for_status()
            return response.json()
        except requests.exceptions.RequestException as e:
            return {"status": "error", "message": str(e)}


class AuthenticatedAPIClient(ResonanceOSAPIClient):
    """The same, with a key."""

    def __init__(self, base_url: str, api_key: str | None = None) -> None:
        super().__init__(base_url)
        if api_key:
            self.session.headers.update({"Authorization": f"Bearer {api_key}"})


client = AuthenticatedAPIClient(os.environ["RESONANCE_URL"], os.environ["RESONANCE_API_KEY"])
for number, name in enumerate(STYLES):
    made = client.post(
        "/profiles",
        {"tenant": "acme_corp", "profile_name": name, "hrv_vector": [0.5 + number / 10] * 8},
    )
    if made.get("status") == "error":
        print(f"Profile failed: {made['message']}")
for name in STYLES:
    result = client.post("/hr_generate", {"prompt": f"A story of the {name}", "profile_name": name})
    if result.get("status") == "error":
        print(f"Generation failed: {result['message']}")
    else:
        print(f"Generated {len(result.get('article', ''))} characters")
