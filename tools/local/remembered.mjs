// Answers about the outside world that cost seconds to ask for: asked once a day.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { request } from "node:https";
import { localFolder } from "./folders.mjs";
import { isRecord, readJson, writeJson } from "./json-file.mjs";

const dayMs = 24 * 60 * 60 * 1000;
const file = () => join(localFolder(), "remembered.json");

/**
 * Whether something answers, from memory if it was asked for in the last day.
 * @param {string} question
 * @param {() => Promise<boolean>} ask
 * @returns {Promise<boolean>}
 */
export async function remember(question, ask) {
  const known = readJson(file());
  const entry = isRecord(known) ? known[question] : undefined;
  if (isRecord(entry) && typeof entry["answer"] === "boolean" && typeof entry["at"] === "number") {
    if (Date.now() - entry["at"] < dayMs) return entry["answer"];
  }
  const answer = await ask();
  writeJson(file(), { ...(isRecord(known) ? known : {}), [question]: { answer, at: Date.now() } });
  return answer;
}

/** The next start asks again. */
export function forget() {
  rmSync(file(), { force: true });
}

/**
 * The status and headers of one HTTPS request, undefined when nothing answers within 3 seconds.
 * The certificate is not judged: this asks only whether somebody is there.
 * @param {string} url
 * @returns {Promise<{ status: number, headers: import("node:http").IncomingHttpHeaders } | undefined>}
 */
export function knock(url) {
  return new Promise((resolve) => {
    const attempt = request(url, { method: "HEAD", rejectUnauthorized: false, signal: AbortSignal.timeout(3_000) });
    attempt.on("response", (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    });
    attempt.on("error", () => resolve(undefined));
    attempt.end();
  });
}
