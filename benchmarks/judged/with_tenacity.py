"""The task with requests and tenacity."""

import os
from typing import Any

import requests
import tenacity

URL = os.environ["RESONANCE_URL"]
STYLES = ("harbour", "night_train", "library")

http = requests.Session()
http.headers["Authorization"] = f"Bearer {os.environ['RESONANCE_API_KEY']}"


@tenacity.retry(
    stop=tenacity.stop_after_attempt(8),
    wait=tenacity.wait_random_exponential(multiplier=0.5, max=10),
    retry=tenacity.retry_if_exception_type(requests.exceptions.RequestException),
    reraise=True,
)
def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call, tried again after whatever requests raises."""
    response = http.post(f"{URL}{path}", json=body, timeout=10)
    if response.status_code != 409:  # it is there already
        response.raise_for_status()
    return response.json()


for number, name in enumerate(STYLES):
    vector = [0.5 + number / 10] * 8
    post("/profiles", {"tenant": "acme_corp", "profile_name": name, "hrv_vector": vector})
for name in STYLES:
    answer = post("/hr_generate", {"prompt": f"A story of the {name}", "profile_name": name})
    print(f"{name}: {len(answer['article'])} characters")
