import { describe, expect, test } from "vitest";
import type { Credentials } from "../../provider/credentials";
import { isLoopback, OciRegistry, type OciRegistryOptions } from "../../provider/oci-registry";
import { HttpServer, type Answer } from "../fakes/http-server";
import { digestOf, toManifest } from "../fakes/memory-registry";
import { expectCode } from "../fakes/registry-contract";

const server = new HttpServer();
const manifest = toManifest({ mediaType: "application/vnd.oci.image.manifest.v1+json", text: "a manifest" });
const repository = () => ({ host: server.host, path: "team/images" });
const encode = (text: string): string => Buffer.from(text).toString("base64");

function makeRegistry(options: Partial<OciRegistryOptions> & { credentials?: Credentials } = {}): OciRegistry {
  const { credentials, ...rest } = options;
  return new OciRegistry({ findCredentials: () => Promise.resolve(credentials), backoffMs: () => 1, ...rest });
}

const sendManifest: Answer = (_request, response) => {
  response.writeHead(200, { "content-type": manifest.mediaType, "docker-content-digest": manifest.digest });
  response.end(manifest.bytes);
};

/** Answers one after the other; the last one for all further requests. */
function inTurn(...answers: readonly Answer[]): Answer {
  let count = 0;
  return (request, response) => {
    const answer = answers[Math.min(count, answers.length - 1)];
    count += 1;
    answer?.(request, response);
  };
}

const status =
  (code: number, text = ""): Answer =>
  (_request, response) =>
    response.writeHead(code).end(text);
const reset: Answer = (_request, response) => response.destroy();

describe("asking", () => {
  test("a manifest is asked for with all four media types", async () => {
    let accept: string | undefined;
    server.reset((request, response) => {
      accept = response.req.headers.accept;
      sendManifest(request, response);
    });
    expect(await makeRegistry().fetchManifest(repository(), "one")).toEqual(manifest);
    expect(accept?.split(", ")).toEqual([
      "application/vnd.oci.image.index.v1+json",
      "application/vnd.oci.image.manifest.v1+json",
      "application/vnd.docker.distribution.manifest.list.v2+json",
      "application/vnd.docker.distribution.manifest.v2+json",
    ]);
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual(["GET /v2/team/images/manifests/one"]);
  });

  test("a digest is found in one request that carries no body", async () => {
    server.reset(sendManifest);
    expect(await makeRegistry().findDigest(repository(), "one")).toBe(manifest.digest);
    expect(server.requests.map(({ method }) => method)).toEqual(["HEAD"]);
  });

  test("a registry that names no digest is asked for the manifest", async () => {
    server.reset((_request, response) =>
      response.writeHead(200, { "content-type": manifest.mediaType }).end(manifest.bytes),
    );
    expect(await makeRegistry().findDigest(repository(), "one")).toBe(manifest.digest);
    expect(server.requests.map(({ method }) => method)).toEqual(["HEAD", "GET"]);
  });

  test("bytes that have another digest than was asked for are an error", async () => {
    server.reset(sendManifest);
    const other = digestOf(Buffer.from("other"));
    const error = await expectCode(makeRegistry().fetchManifest(repository(), other), "REGISTRY_ANSWER");
    expect(error.message).toContain(`the manifest ${other} has the digest ${manifest.digest}, not ${other}.`);
  });

  test("bytes that have another digest than the registry says are an error", async () => {
    const lie = digestOf(Buffer.from("lie"));
    server.reset((_request, response) => response.writeHead(200, { "docker-content-digest": lie }).end(manifest.bytes));
    await expectCode(makeRegistry().fetchManifest(repository(), "one"), "REGISTRY_ANSWER");
  });

  test("a refusal is shown in the registry's own words, and not asked again", async () => {
    server.reset(status(400, '{"errors":[{"code":"MANIFEST_INVALID"}]}'));
    const error = await expectCode(makeRegistry().putManifest(repository(), "one", manifest), "REGISTRY_ANSWER");
    expect(error.message).toBe(
      `${server.host}/team/images: PUT manifests/one was answered with 400: {"errors":[{"code":"MANIFEST_INVALID"}]}. ` +
        "See the registry's own log, or try again.",
    );
    expect(server.requests).toHaveLength(1);
  });

  test("a registry that makes no repositories by itself is an error of a put, not of a look-up", async () => {
    server.reset(status(404));
    expect(await makeRegistry().findDigest(repository(), "one")).toBeUndefined();
    const error = await expectCode(makeRegistry().putManifest(repository(), "one", manifest), "REGISTRY_ANSWER");
    expect(error.message).toContain("it has no such repository, and makes none by itself");
  });

  test.each([
    ["localhost", true],
    ["localhost:5000", true],
    ["127.0.0.1:5000", true],
    ["127.8.9.10", true],
    ["[::1]:5000", true],
    ["localhost.example", false],
    ["127.0.0.1.example:80", false],
    ["10.0.0.1:5000", false],
    ["docker.io", false],
  ])("whether %s is this machine: %s", (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});

describe("failures that may pass", () => {
  test.each([
    ["500", status(500)],
    ["503", status(503)],
    ["429", status(429)],
    ["a reset", reset],
  ])("%s is asked again", async (_what, failure) => {
    server.reset(inTurn(failure, failure, failure, sendManifest));
    expect(await makeRegistry().findDigest(repository(), "one")).toBe(manifest.digest);
    expect(server.requests).toHaveLength(4);
  });

  test("a manifest is put again when a blob of it is not known while another push writes it", async () => {
    const unknown = JSON.stringify({ errors: [{ code: "DIGEST_INVALID" }, { code: "MANIFEST_BLOB_UNKNOWN" }] });
    server.reset(inTurn(status(400, unknown), status(201)));
    await makeRegistry().putManifest(repository(), "one", manifest);
    expect(server.requests.map(({ method }) => method)).toEqual(["PUT", "PUT"]);
  });

  test("it is given up after four attempts, with what was answered last", async () => {
    server.reset(inTurn(reset, status(500), reset, status(503, "  over\n capacity ")));
    const error = await expectCode(makeRegistry().fetchManifest(repository(), "one"), "REGISTRY_ANSWER");
    expect(error.message).toContain("GET manifests/one was answered with 503: over capacity.");
    expect(server.requests).toHaveLength(4);
  });

  test("a registry that only resets cannot be reached", async () => {
    server.reset(reset);
    const error = await expectCode(makeRegistry().hasBlob(repository(), manifest.digest), "REGISTRY_UNAVAILABLE");
    expect(error.message).toMatch(
      /^127\.0\.0\.1:\d+\/team\/images: the registry cannot be reached: .*(closed|reset|hang up).*\. See that it/,
    );
    expect(server.requests).toHaveLength(4);
  });

  test("a body that breaks off is asked for again", async () => {
    const breakOff: Answer = (_request, response) => {
      response.writeHead(200, { "content-length": String(manifest.bytes.length) });
      response.write(manifest.bytes.subarray(0, 5), () => response.destroy());
    };
    server.reset(inTurn(breakOff, sendManifest));
    expect(await makeRegistry().fetchManifest(repository(), "one")).toEqual(manifest);
  });

  test("a put is sent again with its body", async () => {
    server.reset(inTurn(status(502), status(201)));
    await makeRegistry().putManifest(repository(), "one", manifest);
    expect(server.requests.map(({ method, body }) => [method, body])).toEqual([
      ["PUT", manifest.bytes.toString()],
      ["PUT", manifest.bytes.toString()],
    ]);
  });

  test("the wait grows with the attempts", async () => {
    const waits: number[] = [];
    server.reset(status(500));
    const registry = makeRegistry({
      backoffMs: (attempt) => {
        waits.push(attempt);
        return 1;
      },
    });
    await expectCode(registry.findDigest(repository(), "one"), "REGISTRY_ANSWER");
    expect(waits).toEqual([1, 2, 3]);
  });

  test("a registry that does not answer in time cannot be reached", async () => {
    server.reset(() => undefined);
    let waits = 0;
    const backoffMs = () => (waits += 1);
    await expectCode(
      makeRegistry({ timeoutMs: 20, backoffMs }).findDigest(repository(), "one"),
      "REGISTRY_UNAVAILABLE",
    );
    expect(waits).toBe(3);
  });
});

describe("an upload", () => {
  const bytes = Buffer.from("some bytes");
  const digest = digestOf(bytes);
  /** A registry that keeps uploads; the first `times` of `method` meet `fault`. */
  function keep(method: string, fault: Answer, times: number): { readonly stored: string[] } {
    const stored: string[] = [];
    let met = 0;
    server.reset((request, response) => {
      if (request.method === method && (met += 1) <= times) return fault(request, response);
      if (request.method === "HEAD") return void response.writeHead(stored.length === 0 ? 404 : 200).end();
      if (request.method === "POST") return void response.writeHead(202, { location: "/v2/upload/1?state=x" }).end();
      stored.push(request.body);
      response.writeHead(201).end();
    });
    return { stored };
  }

  test.each([
    ["POST", "503", status(503)],
    ["POST", "reset", reset],
    ["PUT", "429", status(429)],
    ["PUT", "401", status(401)],
    ["PUT", "reset", reset],
  ])("whose %s meets a %s three times is sent again with all its bytes", async (method, _name, fault) => {
    const { stored } = keep(method, fault, 3);
    await makeRegistry().putBlob(repository(), digest, bytes);
    expect(stored).toEqual(["some bytes"]);
    expect(server.requests.at(-1)?.url).toBe(`/v2/upload/1?state=x&digest=${encodeURIComponent(digest)}`);
  });

  test("whose answer alone was lost is not sent again", async () => {
    let puts = 0;
    server.reset(({ method }, response) => {
      if (method === "HEAD") response.writeHead(puts === 0 ? 404 : 200).end();
      else if (method === "POST") response.writeHead(202, { location: "/v2/upload/1" }).end();
      else if ((puts += 1) > 0) response.destroy();
    });
    await makeRegistry().putBlob(repository(), digest, bytes);
    expect(puts).toBe(1);
  });

  test("is given up after four attempts", async () => {
    keep("PUT", status(507, "no space left on device"), Infinity);
    const error = await expectCode(makeRegistry().putBlob(repository(), digest, bytes), "REGISTRY_UNAVAILABLE");
    expect(error.message).toContain("an upload was answered with 507: no space left on device.");
    expect(server.requests.filter(({ method }) => method === "PUT")).toHaveLength(4);
  });

  test("that may not be is an error at once", async () => {
    keep("POST", status(403, "denied"), Infinity);
    const error = await expectCode(makeRegistry().putBlob(repository(), digest, bytes), "REGISTRY_DENIED");
    expect(error.message).toContain("the registry does not let us write to it (403: denied).");
    expect(server.requests).toHaveLength(1);
  });

  test("to a store elsewhere carries no login", async () => {
    const seen: (string | undefined)[] = [];
    server.reset(({ method, authorization }, response) => {
      if (method === "PUT") return void (seen.push(authorization), response.writeHead(201).end());
      if (authorization === undefined) return void response.writeHead(401, { "www-authenticate": "Basic" }).end();
      const elsewhere = `http://localhost:${server.host.split(":")[1]}/store`;
      response.writeHead(202, { location: elsewhere }).end();
    });
    const credentials: Credentials = { kind: "password", username: "me", password: "secret" };
    await makeRegistry({ credentials }).putBlob(repository(), digest, bytes);
    expect(seen).toEqual([undefined]);
  });
});

describe("giving up", () => {
  const reason = new Error("stopped");

  test("ends a request that is under way", async () => {
    const controller = new AbortController();
    server.reset(() => controller.abort(reason));
    await expect(makeRegistry().findDigest(repository(), "one", controller.signal)).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });

  test("ends the wait before another attempt at once", async () => {
    const controller = new AbortController();
    server.reset(status(500));
    const registry = makeRegistry({
      backoffMs: () => {
        setTimeout(() => controller.abort(reason), 5);
        return 60_000;
      },
    });
    await expect(registry.findDigest(repository(), "one", controller.signal)).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });
});

describe("basic auth", () => {
  const credentials: Credentials = { kind: "password", username: "me", password: "p:ä" };
  const wanted = `Basic ${encode("me:p:ä")}`;
  const askForBasic: Answer = (request, response) => {
    if (request.authorization === wanted) sendManifest(request, response);
    else response.writeHead(401, { "www-authenticate": 'Basic realm="Registry"' }).end();
  };

  test("is sent when it is asked for, and from then on at once", async () => {
    server.reset(askForBasic);
    const registry = makeRegistry({ credentials });
    await registry.findDigest(repository(), "one");
    await registry.findDigest(repository(), "one");
    expect(server.requests.map(({ authorization }) => authorization)).toEqual([undefined, wanted, wanted]);
  });

  test("that is refused is an error without a word of the password", async () => {
    server.reset(askForBasic);
    const registry = makeRegistry({ credentials: { ...credentials, password: "s3cret" } });
    const error = await expectCode(registry.putManifest(repository(), "one", manifest), "REGISTRY_DENIED");
    expect(error.message).toBe(
      `${server.host}/team/images: the registry does not let us write to it (401). ` +
        `Run docker login ${server.host}, or set DOCKER_CONFIG to the folder of a login that may.`,
    );
    expect(server.requests).toHaveLength(2);
  });

  test("without a login is an error after one request", async () => {
    server.reset(askForBasic);
    await expectCode(makeRegistry().findDigest(repository(), "one"), "REGISTRY_DENIED");
    expect(server.requests).toHaveLength(1);
  });

  test("a login that may not is an error, and not asked again", async () => {
    server.reset(status(403, "no push"));
    const error = await expectCode(
      makeRegistry({ credentials }).putManifest(repository(), "one", manifest),
      "REGISTRY_DENIED",
    );
    expect(error.message).toContain("does not let us write to it (403: no push).");
    expect(server.requests).toHaveLength(1);
  });
});

describe("a token server", () => {
  /** A registry whose tokens are good for so many requests. */
  function askForToken(options: { uses?: number; answer?: object; tokenStatus?: number } = {}): Answer {
    const { uses = Infinity, answer = { token: "t" }, tokenStatus = 200 } = options;
    let left = 0;
    return (request, response) => {
      if (request.url.startsWith("/token")) {
        left = uses;
        response.writeHead(tokenStatus, { "content-type": "application/json" }).end(JSON.stringify(answer));
      } else if (request.authorization === "Bearer t" && left > 0) {
        left -= 1;
        sendManifest(request, response);
      } else {
        const challenge = `Bearer realm="http://${server.host}/token",service="registry.example",scope="repository:x:pull"`;
        response.writeHead(401, { "www-authenticate": challenge }).end();
      }
    };
  }
  const lines = () => server.requests.map(({ method, url }) => `${method} ${url}`);
  const read = "HEAD /v2/team/images/manifests/one";
  const write = "PUT /v2/team/images/manifests/one";
  const scope = (actions: string) =>
    `GET /token?service=registry.example&scope=repository%3Ateam%2Fimages%3A${actions}`;

  test("gives a token that is used as long as it is good", async () => {
    server.reset(askForToken());
    const registry = makeRegistry({ credentials: { kind: "password", username: "me", password: "pass" } });
    await registry.findDigest(repository(), "one");
    await registry.findDigest(repository(), "one");
    expect(lines()).toEqual([read, scope("pull"), read, read]);
    expect(server.requests[1]?.authorization).toBe(`Basic ${encode("me:pass")}`);
  });

  test("is asked without a login, where there is none", async () => {
    server.reset(askForToken({ answer: { access_token: "t" } }));
    expect(await makeRegistry().findDigest(repository(), "one")).toBe(manifest.digest);
    expect(server.requests[1]?.authorization).toBeUndefined();
  });

  test("is asked anew when a token has expired", async () => {
    server.reset(askForToken({ uses: 2 }));
    const registry = makeRegistry();
    for (let count = 0; count < 3; count += 1) await registry.findDigest(repository(), "one");
    expect(lines()).toEqual([read, scope("pull"), read, read, read, scope("pull"), read]);
  });

  test("is asked for the right to push only when something is put", async () => {
    server.reset(askForToken());
    const registry = makeRegistry();
    await registry.findDigest(repository(), "one");
    await registry.putManifest(repository(), "one", manifest);
    expect(lines()).toEqual([read, scope("pull"), read, write, scope("pull%2Cpush"), write]);
  });

  test("takes an identity token as a refresh token", async () => {
    server.reset(askForToken({ answer: { access_token: "t" } }));
    const registry = makeRegistry({ credentials: { kind: "identityToken", token: "refresh&me" } });
    expect(await registry.findDigest(repository(), "one")).toBe(manifest.digest);
    const { method, url, body } = server.requests[1] ?? { method: "", url: "", body: "" };
    expect([method, url]).toEqual(["POST", "/token"]);
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      grant_type: "refresh_token",
      refresh_token: "refresh&me",
      client_id: "slipway",
      service: "registry.example",
      scope: "repository:team/images:pull",
    });
  });

  test("that refuses the login is an error, and not asked again", async () => {
    server.reset(askForToken({ tokenStatus: 401 }));
    const error = await expectCode(makeRegistry().findDigest(repository(), "one"), "REGISTRY_DENIED");
    expect(error.message).toContain("the token server of the registry refuses the login (401).");
    expect(server.requests).toHaveLength(2);
  });

  test("whose token the registry refuses is an error, and not asked again", async () => {
    server.reset(askForToken({ answer: { token: "wrong" } }));
    await expectCode(makeRegistry().findDigest(repository(), "one"), "REGISTRY_DENIED");
    expect(server.requests).toHaveLength(3);
  });

  test("that fails is asked again, not more often than the limit", async () => {
    server.reset(askForToken({ tokenStatus: 503 }));
    const error = await expectCode(makeRegistry().findDigest(repository(), "one"), "REGISTRY_UNAVAILABLE");
    expect(error.message).toContain(`the token server ${server.host} answered with 503`);
    expect(lines().filter((line) => line.includes("/token"))).toHaveLength(4);
  });

  test("whose token is refused three times by a registry that took it before is asked again", async () => {
    server.reset(askForToken({}));
    const registry = makeRegistry();
    expect(await registry.findDigest(repository(), "one")).toBe(manifest.digest);
    let refusals = 0;
    const letIn = askForToken({});
    server.reset((request, response) => {
      if (request.url.startsWith("/token") || (refusals += 1) > 3) letIn(request, response);
      else letIn({ ...request, authorization: undefined }, response);
    });
    expect(await registry.findDigest(repository(), "one")).toBe(manifest.digest);
  });

  test("that answers nonsense is an error of the registry, and not asked again", async () => {
    server.reset(askForToken({ answer: ["token"] }));
    await expectCode(makeRegistry().findDigest(repository(), "one"), "REGISTRY_DENIED");
    expect(lines().filter((line) => line.includes("/token"))).toHaveLength(1);
  });
});
