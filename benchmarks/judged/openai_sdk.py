"""The task with the transport of the openai SDK, as it comes: two retries, ten minutes."""

import os
from typing import Any

import openai

STYLES = ("harbour", "night_train", "library")

with openai.OpenAI(
    base_url=os.environ["RESONANCE_URL"], api_key=os.environ["RESONANCE_API_KEY"]
) as client:
    for number, name in enumerate(STYLES):
        vector = [0.5 + number / 10] * 8
        body: dict[str, Any] = {
            "tenant": "acme_corp",
            "profile_name": name,
            "hrv_vector": vector,
        }
        try:
            client.post("/profiles", cast_to=object, body=body)
        except openai.ConflictError:
            print(f"{name} is there already")
    for name in STYLES:
        body = {"prompt": f"A story of the {name}", "profile_name": name}
        answer: Any = client.post("/hr_generate", cast_to=object, body=body)
        print(f"{name}: {len(answer['article'])} characters")
