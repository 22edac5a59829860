"""The task with requests and urllib3's Retry, POST allowed."""

import os

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

URL = os.environ["RESONANCE_URL"]
STYLES = ("harbour", "night_train", "library")

retry = Retry(
    total=8,
    backoff_factor=0.5,
    backoff_jitter=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,  # each method, POST too
)
http = requests.Session()
http.mount("http://", HTTPAdapter(max_retries=retry))
http.headers["Authorization"] = f"Bearer {os.environ['RESONANCE_API_KEY']}"

for number, name in enumerate(STYLES):
    body = {"tenant": "acme_corp", "profile_name": name, "hrv_vector": [0.5 + number / 10] * 8}
    response = http.post(f"{URL}/profiles", json=body, timeout=10)
    if response.status_code != 409:  # it is there already
        response.raise_for_status()
for name in STYLES:
    body = {"prompt": f"A story of the {name}", "profile_name": name}
    response = http.post(f"{URL}/hr_generate", json=body, timeout=10)
    response.raise_for_status()
    print(f"{name}: {len(response.json()['article'])} characters")
