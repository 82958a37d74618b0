import { afterAll, beforeAll, expect, test } from "vitest";
import { EcrRegistry } from "../../provider/ecr-registry";
import { HttpServer } from "../fakes/http-server";
import { expectCode } from "../fakes/registry-contract";

const server = new HttpServer();
const repository = { host: "registry.example", path: "images" };
const TEN_MINUTES_MS = 600_000;
const before = { ...process.env };
beforeAll(() => void Object.assign(process.env, { AWS_ACCESS_KEY_ID: "AKIATEST", AWS_SECRET_ACCESS_KEY: "test" }));
afterAll(() => void (process.env = before));

/** An AWS whose clock is ten minutes before or after ours; it takes what was signed within five minutes of it. */
function startAt(offsetMs: number): void {
  server.reset((_request, response) => {
    const signed = String(response.req.headers["x-amz-date"]).replace(
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
      "$1-$2-$3T$4:$5:$6Z",
    );
    const now = Date.now() + offsetMs;
    response.setHeader("date", new Date(now).toUTCString());
    if (Math.abs(Date.parse(signed) - now) < 300_000) {
      const failures = [{ imageId: { imageTag: "one" }, failureCode: "ImageNotFound" }];
      return void response.writeHead(200).end(JSON.stringify({ images: [], failures }));
    }
    const message = `Signature expired: ${signed} is not within 5 minutes of ${new Date(now).toISOString()}`;
    response.writeHead(400, { "x-amzn-errortype": "InvalidSignatureException" });
    response.end(JSON.stringify({ __type: "InvalidSignatureException", message }));
  });
}

const connect = () => new EcrRegistry({ region: "eu-west-1", endpoint: `http://${server.host}` }, { attempts: 3 });

test.each([
  ["slow", TEN_MINUTES_MS],
  ["fast", -TEN_MINUTES_MS],
])("a clock that is ten minutes %s costs one more request and no error", async (_what, offsetMs) => {
  startAt(offsetMs);
  expect(await connect().findDigest(repository, "one")).toBeUndefined();
  expect(server.requests).toHaveLength(2);
});

test.each(["InvalidSignatureException", "RequestTimeTooSkewed"])(
  "where AWS goes on refusing with %s, the error tells to look at the clock",
  async (type) => {
    server.reset((_request, response) => {
      response.writeHead(403, { "x-amzn-errortype": type });
      response.end(JSON.stringify({ __type: type, message: "Signature expired" }));
    });
    const error = await expectCode(connect().findDigest(repository, "one"), "AWS_CREDENTIALS");
    expect(error.hint).toContain("clock");
  },
);
