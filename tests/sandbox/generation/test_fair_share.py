"""A tenant with hundreds of threads, beside one with a single call."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
import requests

from resonance_sandbox import start

THREADS = 300
UNLIMITED = 10**9


@pytest.mark.soak
def test_another_tenants_call_waits_for_a_few_of_the_flood_and_not_for_all() -> None:
    over = threading.Event()
    done: Counter[int] = Counter()
    with start(rate_limit=UNLIMITED, burst=UNLIMITED, quota=UNLIMITED) as server:
        url = f"{server.url}/hr_generate"

        def call(session: requests.Session, tenant: str, prompt: str) -> int:
            headers = {"Authorization": f"Bearer {server.credentials[tenant]['api_key']}"}
            asked = {"tenant": tenant, "prompt": prompt, "max_length": 3_000}
            session.trust_env = False
            return session.post(url, json=asked, headers=headers, timeout=300).status_code

        def flood(number: int) -> None:
            with requests.Session() as session:
                while not over.is_set():
                    try:
                        done[call(session, "acme_corp", f"Write {number} {done.total()}")] += 1
                    except requests.RequestException:
                        done[0] += 1

        threads = [threading.Thread(target=flood, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            while done[200] < 5 or done[503] < THREADS:  # the flood is at its height
                over.wait(0.1)
            passed = []
            with requests.Session() as session:
                for number in range(5):
                    before = done[200]
                    assert call(session, "globex", f"Hello {number}") == 200
                    passed.append(done[200] - before)
        finally:
            over.set()
            for thread in threads:
                thread.join()
    print(f"while one call of another waited, so many of the {THREADS} were served: {passed}")
    assert max(passed) <= 20
