import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { makeKeyFiles } from "../../provider/key-files";
import { Leftovers } from "../../provider/leftovers";
import { errorOf } from "../sdk/errors";
import { makeFolder } from "../sdk/folder";

const config: Readonly<Record<string, string>> = { builderKey: "KEY" };

let folder: string;
let fileOf: ReturnType<typeof makeKeyFiles>;
beforeEach(() => {
  folder = makeFolder();
  fileOf = makeKeyFiles(new Leftovers(makeFolder()), {
    folder,
    env: { BUILDER_CA: "CA" },
    readConfig: (key) => config[key],
    hintConfig: (key) => `Set ${key}.`,
  });
});

test("a key that is a file stays where it is", () => {
  writeFileSync(join(folder, "cert.pem"), "CERT");
  expect(fileOf("tls.cert", { kind: "file", path: "cert.pem" })).toBe(join(folder, "cert.pem"));
});

test.each([
  ["the environment", { kind: "env", name: "BUILDER_CA" }, "CA"],
  ["the stack's config", { kind: "config", key: "builderKey" }, "KEY"],
] as const)("a key out of %s is a file that only its user can read", (_what, source, content) => {
  const path = fileOf("tls.key", source);
  expect(readFileSync(path, "utf8")).toBe(content);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a key that is nowhere is an error that names it", () => {
  const error = errorOf(() => fileOf("tls.key", { kind: "config", key: "other" }));
  expect(error.code).toBe("SECRET_MISSING");
  expect(error.message).toBe("the builder's tls.key: the config key other is not set. Set other.");
});
