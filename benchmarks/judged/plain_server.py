"""The plainest server of the five routes that the client's first version calls."""

import time
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
PROFILES: list[dict[str, Any]] = []
STARTED = time.time()


class Generation(BaseModel):
    prompt: str
    tenant: str = "default"
    profile_name: str = "neutral_professional"


class Profile(BaseModel):
    tenant: str
    profile_name: str
    hrv_vector: list[float]
    metadata: dict[str, Any] = {}


@app.get("/health")
def health() -> dict[str, Any]:
    return {"status": "healthy", "version": "1"}


@app.post("/hr_generate")
def generate(asked: Generation) -> dict[str, Any]:
    return {"article": f"About {asked.prompt}.", "hrv_feedback": 0.5}


@app.get("/profiles")
def profiles(tenant: str = "default") -> dict[str, Any]:
    return {"profiles": [one for one in PROFILES if one["tenant"] == tenant]}


@app.post("/profiles")
def create(profile: Profile) -> dict[str, Any]:
    PROFILES.append(profile.model_dump())
    return PROFILES[-1]


@app.get("/metrics")
def metrics() -> dict[str, Any]:
    return {"uptime_seconds": time.time() - STARTED}
