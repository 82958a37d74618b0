import { expect, test } from "vitest";
import { isLoginLost, LoginLost, runTwiceIfNeeded } from "../../provider/login-lost";
import type { BuildRequest } from "../../provider/builder";
import { SlipwayError } from "../../sdk/error";

const lines: string[] = [];
const request = { onProgress: ({ text }: { text: string }) => void lines.push(text) } satisfies Pick<
  BuildRequest,
  "onProgress"
>;
const failure = new SlipwayError({ code: "BUILD_FAILED", text: "pushing failed." });

/** A build that fails so often before it ends well. */
function failing(count: number, error: Error): () => Promise<string> {
  let left = count;
  return () => ((left -= 1) >= 0 ? Promise.reject(error) : Promise.resolve("sha256:1"));
}

test("a build whose login ended is run once more, and says so", async () => {
  lines.length = 0;
  expect(await runTwiceIfNeeded(request, failing(1, new LoginLost(failure)))).toBe("sha256:1");
  expect(lines).toEqual(["the registry's login ended meanwhile; once more with a new one"]);
});

test("a login that is refused again is the build's error", async () => {
  await expect(runTwiceIfNeeded(request, failing(2, new LoginLost(failure)))).rejects.toBe(failure);
});

test("any other failure is not tried again", async () => {
  await expect(runTwiceIfNeeded(request, failing(1, failure))).rejects.toBe(failure);
});

test.each([
  [
    "failed to push registry/images: unexpected status from HEAD request to https://registry/v2/: 401 Unauthorized",
    true,
  ],
  ["failed to push: denied: Your authorization token has expired. Reauthenticate and try again.", true],
  ["failed to authorize: failed to fetch anonymous token: unauthorized", true],
  ['process "/bin/sh -c pip install x # 401 Unauthorized" did not complete successfully: exit code: 1', false],
  ["failed to push: unexpected status from PUT request: 500 Internal Server Error", false],
])("%s: %s", (error, expected) => expect(isLoginLost(error)).toBe(expected));
