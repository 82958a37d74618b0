import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { BuildkitBuilder } from "../../provider/buildkit";
import { parseBuilderChoice } from "../../provider/builder-choice";
import { dockerCredentials } from "../../provider/credentials";
import { Leftovers } from "../../provider/leftovers";
import { OciRegistry } from "../../provider/oci-registry";
import { Image } from "../../sdk/image";
import { imageBase } from "../sdk/specs";
import { parseRepository } from "../../sdk/reference";
import { startRegistry, TEST_HTPASSWD, TEST_PASSWORD, TEST_USER } from "../../tools/environment.mjs";
import { describeBuilder } from "../fakes/builder-contract";
import {
  environmentBuilder,
  makeBuilder,
  newFolder,
  newRepository,
  registry,
  requestFor,
  resolveImage,
} from "./real-parts";

const folder = mkdtempSync(join(tmpdir(), "slipway-buildkit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeBuilder("BuildKit", async () => {
  const { specs, basePlace } = await resolveImage(Image.debianSlim("3.11"));
  return {
    builder: new BuildkitBuilder(parseBuilderChoice(environmentBuilder), new Leftovers(folder), process.env),
    registry,
    repository: parseRepository(newRepository()),
    base: { reference: basePlace, digest: specs.map(imageBase)[0]?.digest ?? "" },
  };
});

test("a registry that asks for a login gets that of the Docker configuration", async () => {
  const root = newFolder();
  writeFileSync(join(root, "htpasswd"), TEST_HTPASSWD);
  const closed = await startRegistry({ root, htpasswd: join(root, "htpasswd") });
  onTestFinished(() => closed.stop());
  const auth = Buffer.from(`${TEST_USER}:${TEST_PASSWORD}`).toString("base64");
  writeFileSync(join(root, "config.json"), JSON.stringify({ auths: { [closed.address]: { auth } } }));
  // This variable would override the file, if it reached buildx.
  const env = { ...process.env, DOCKER_CONFIG: root, DOCKER_AUTH_CONFIG: '{"auths":{}}' };
  const { builder } = makeBuilder({ builder: environmentBuilder, env });
  const request = await requestFor(Image.debianSlim("3.11").env({ A: "1" }), `${closed.address}/images`);
  const digest = await builder.build(request);
  const withLogin = new OciRegistry({ findCredentials: dockerCredentials(env) });
  expect(await withLogin.findDigest(request.repository, digest)).toBe(digest);
});
