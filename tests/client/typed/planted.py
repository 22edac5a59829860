"""Mistakes, one on each line that says so, for type checkers to find. It is never run."""

from resonance_helpers import OAuth2ClientCredentials, ResonanceOSAPIClient
from resonance_helpers.batch import run_batch
from resonance_helpers.client.asynchronous import AsyncResonanceOSAPIClient
from resonance_helpers.webhooks import WebhookReceiver, new_secret
from resonance_sandbox import start

api = ResonanceOSAPIClient.from_env()
URL = "https://example.com/events"

answer = api.generate_content("Night trains", paragraphs=2, deadline=30)
print(answer["articel"])  # 1: no such field
print(answer.get("hrv_feedbak", 0.0))  # 2: no such field
print(answer["article"] / 2)  # 3: a text
print(answer["hrv_vector"]["sentence_variance"])  # 4: a list
print(answer["paragraphs"][0]["txt"])  # 5: no such field of a row
print(answer.e_tag)  # 6: no such attribute
print(answer["retry_after"] + 1)  # 7: None, where the server asked for no wait

api.generate_content("Night trains", paragrafs=3)  # 8: no such keyword
api.generate_content("Night trains", temperature="hot")  # 9: not a number
api.generate_content("Night trains", deadline="soon")  # 10: not a number
api.generate_content("Night trains", headers={"x-attempt": 1})  # 11: not a text
api.get_tenants(idempotency_key="mine")  # 12: nothing is done, so there is nothing to do once

api.create_profile("demo_tenant", "mine", ["0.5"] * 8)  # 13: not numbers
api.get_profile("demo_tenant")  # 14: of which name?
for profile in api.iter_profiles("demo_tenant"):
    print(profile["name"])  # 15: no such field of a row

api.create_webhook(URL, ["generation.finished"])  # 16: no such event
api.ensure_webhook(URL, ["profile.created"])  # 17: signed with what?
for delivery in api.iter_deliveries("wh_1"):
    print(delivery["attempts"][0]["at"].year)  # 18: a text

OAuth2ClientCredentials.discover("https://example.com", "newsroom")  # 19: no secret
print(WebhookReceiver(new_secret()).wait(1)[0].data["articel"])  # 21: no such field of any event
for row in run_batch(api, ["Night trains"]).results:
    print(row["result"]["article"] / 2)  # 22: a text
print(start().requests()[0]["state"])  # 23: no such field of a row


async def main() -> None:
    async with AsyncResonanceOSAPIClient() as client:
        print(client.generate_content("Night trains")["article"])  # 20: not awaited
