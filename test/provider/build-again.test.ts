import { expect, test } from "vitest";
import { buildAgain, passingCause, PassingFailure } from "../../provider/build-again";
import { SlipwayError } from "../../sdk/error";

const failure = new SlipwayError({ code: "BUILD_FAILED", text: "pushing failed." });

function makeRequest() {
  const lines: string[] = [];
  const onProgress = ({ text }: { readonly text: string }) => void lines.push(text);
  return { lines, onProgress, signal: new AbortController().signal };
}

/** A build that fails so often before it ends well. */
function failing(count: number, error: Error): () => Promise<string> {
  let left = count;
  return () => ((left -= 1) >= 0 ? Promise.reject(error) : Promise.resolve("sha256:1"));
}

test("a build whose login ended is run once more, and says so", async () => {
  const request = makeRequest();
  const run = failing(1, new PassingFailure(failure, "login"));
  expect(await buildAgain(request, run, { backoffMs: () => 0 })).toBe("sha256:1");
  expect(request.lines).toEqual(["the registry's login ended meanwhile; once more with a new one"]);
});

test("three failures of the registry in a row are not the build's end, the fourth is, with the build's own error", async () => {
  const waits: number[] = [];
  const backoffMs = (run: number) => (waits.push(run), 0);
  const trouble = new PassingFailure(failure, "trouble");
  expect(await buildAgain(makeRequest(), failing(3, trouble), { backoffMs })).toBe("sha256:1");
  expect(waits).toEqual([2, 3, 4]);
  await expect(buildAgain(makeRequest(), failing(4, trouble), { backoffMs })).rejects.toBe(failure);
});

test("a login that is refused again and again is the build's error", async () => {
  const run = failing(3, new PassingFailure(failure, "login"));
  await expect(buildAgain(makeRequest(), run, { backoffMs: () => 0 })).rejects.toBe(failure);
});

test("any other failure is not tried again, and neither is a build that was stopped", async () => {
  await expect(buildAgain(makeRequest(), failing(1, failure))).rejects.toBe(failure);
  const stopped = { ...makeRequest(), signal: AbortSignal.abort() };
  await expect(buildAgain(stopped, failing(1, new PassingFailure(failure, "trouble")))).rejects.toBe(failure);
});

test.each([
  ["failed to push r/i: unexpected status from HEAD request to https://r/v2/: 401 Unauthorized", "login"],
  ["failed to push: denied: Your authorization token has expired. Reauthenticate and try again.", "login"],
  ["failed to authorize: failed to fetch anonymous token: unauthorized", "login"],
  ['process "/bin/sh -c pip install x # 401 Unauthorized" did not complete successfully: exit code: 1', undefined],
  ["failed to push: unexpected status from PUT request: 500 Internal Server Error", "trouble"],
  ["failed to push: unexpected status from POST request to http://r/v2/: 429 Too Many Requests", "trouble"],
  ['failed to push r/i: failed to do request: Put "http://r/v2/": write tcp: connection reset by peer', "trouble"],
  ["failed to push: unexpected status from PUT request: 400 Bad Request", undefined],
  ["failed to push: unexpected status from POST request: 403 Forbidden", undefined],
  ["dockerfile parse error: unexpected EOF", undefined],
  [
    "failed to push localhost:5000/images: unexpected status from PUT request to http://localhost:5000/v2/images/manifests/sha256:ab: 400 Bad Request: blob unknown to registry",
    "trouble",
  ],
  ["failed to push 127.0.0.1:5000/images: unknown: blob sha256:ab12 unknown to registry", "trouble"],
])("%s: %s", (error, expected) => expect(passingCause(error)).toBe(expected));
