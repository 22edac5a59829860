// The task with Node's own fetch, and p-retry from npm.
import pRetry from "p-retry";

const URL_ = process.env.RESONANCE_URL;
const STYLES = ["harbour", "night_train", "library"];

async function post(path, body) {
  return pRetry(
    async () => {
      const response = await fetch(URL_ + path, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${process.env.RESONANCE_API_KEY}`,
          "Content-Type": "application/json",
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      if (!response.ok && response.status !== 409) {
        throw new Error(`${path} was answered ${response.status}`);
      }
      return response.json();
    },
    { retries: 7, minTimeout: 500, maxTimeout: 10_000, randomize: true },
  );
}

for (const [number, name] of STYLES.entries()) {
  const vector = Array(8).fill(0.5 + number / 10);
  await post("/profiles", { tenant: "acme_corp", profile_name: name, hrv_vector: vector });
}
for (const name of STYLES) {
  const answer = await post("/hr_generate", { prompt: `A story of the ${name}`, profile_name: name });
  console.log(`${name}: ${answer.article.length} characters`);
}
