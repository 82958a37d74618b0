import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadFile } from "../../cli/load-file";
import { Image } from "../../sdk";
import { temporaryFolder } from "./temporary-folder";

function load(files: Readonly<Record<string, string>>, name: string) {
  const folder = temporaryFolder(files);
  symlinkSync(join(__dirname, "../../node_modules"), join(folder, "node_modules"));
  return { folder, exports: loadFile(name, join(folder, name)) };
}

test("a TypeScript file is loaded without a build step or a tsconfig", async () => {
  const text = `import { Image, type Platform } from "slipway";
    enum Version { Python = "3.11" }
    const platform: Platform = "linux/amd64";
    export const api = Image.debianSlim(Version.Python).env({ PLATFORM: platform });`;
  const { api } = await load({ "x.ts": text }, "x.ts").exports;
  expect(Image.isImage(api) && api.spec.steps).toEqual([{ kind: "env", variables: { PLATFORM: "linux/amd64" } }]);
});

test.each([
  { name: "x.mts", text: 'import { Image } from "slipway"; await 0; export default Image.debianSlim();' },
  { name: "x.mjs", text: 'import { Image } from "slipway"; export default Image.debianSlim();' },
  { name: "x.cjs", text: 'exports.default = require("slipway").Image.debianSlim();' },
  { name: "x.js", text: 'module.exports = require("slipway").Image.debianSlim();' },
  { name: "x.cts", text: 'import { Image } from "slipway"; export default Image.debianSlim();' },
])("$name is loaded", async ({ name, text }) => {
  const exports = await load({ [name]: text }, name).exports;
  expect(Object.keys(exports)).toEqual(["default"]);
  expect(Image.isImage(exports["default"])).toBe(true);
});

test("a step knows the line on which the user wrote it", async () => {
  const text = `import { Image } from "slipway";

interface Nothing {
  name: string;
}
export const api = Image.debianSlim("3.11")
  .workdir("/app")
  .env({
    A: "b",
  })
  .user("worker");
`;
  const { folder, exports } = load({ "x.ts": text }, "x.ts");
  const { api } = await exports;
  const lines = Image.isImage(api) ? api.callSites.map((callSite) => callSite?.replace(/:\d+$/, "")) : [];
  expect(lines).toEqual([7, 8, 11].map((line) => `${folder}/x.ts:${line}`));
});

test("a module that two files share is loaded anew for each of them", async () => {
  const shared = "export const loaded = {};";
  const file = 'export { loaded } from "./shared";';
  const folder = temporaryFolder({ "shared.ts": shared, "a.ts": file, "b.ts": file });
  const a = await loadFile("a.ts", join(folder, "a.ts"));
  const b = await loadFile("b.ts", join(folder, "b.ts"));
  expect(a["loaded"]).not.toBe(b["loaded"]);
});

test("a module that is imported by two ways is loaded once", async () => {
  const files = {
    "shared.ts": "export const loaded = {};",
    "other.ts": 'export { loaded as other } from "./shared";',
    "x.ts": 'export { loaded } from "./shared.js"; export { other } from "./other";',
  };
  const { loaded, other } = await load(files, "x.ts").exports;
  expect(loaded).toBe(other);
});

test.each([
  {
    name: "syntax.ts",
    text: "export const a = 1;\nexport const b = {;\n",
    line: 2,
    found: "it cannot be parsed: Unexpected token.",
  },
  {
    name: "syntax.cjs",
    text: "const a = 1;\nconst b = {;\n",
    line: 2,
    found: "it cannot be parsed: Unexpected token.",
  },
  {
    name: "throws.ts",
    text: '\n\nthrow new TypeError("mine");\n',
    line: 3,
    found: "loading it failed: TypeError: mine.",
  },
  {
    name: "imports.ts",
    text: 'import { a } from "./gone";\nexport const b = a;\n',
    line: 1,
    found: "loading it failed: Cannot find module './gone'.",
  },
])("$name is an error at the user's line", async ({ name, text, line, found }) => {
  const { folder, exports } = load({ [name]: text }, name);
  const error: unknown = await exports.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "PROGRAM_FILE" });
  const [message, place] = String(error).split("\n");
  expect(message).toBe(`SlipwayError: ${name}: ${found}`);
  expect(place).toMatch(new RegExp(`^ +at ${folder}/${name}:${line}:\\d+$`));
});

test("a wrong argument is Slipway's own error, at the user's line", async () => {
  const { folder, exports } = load({ "x.ts": 'import { Image } from "slipway";\nImage.debianSlim("3");\n' }, "x.ts");
  await expect(exports).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    callSite: expect.stringContaining(`${folder}/x.ts:2:`),
  });
});

test.each([
  { what: "a resource", text: 'new BuiltImage("api", { image: api });' },
  { what: "a dynamic resource", text: 'new pulumi.dynamic.Resource({ create: async () => ({ id: "a" }) }, "a", {});' },
  { what: "a component", text: 'new pulumi.ComponentResource("a:b:c", "d");' },
  { what: "a stack reference", text: 'new pulumi.StackReference("a/b/c");' },
  { what: "an optional setting", text: 'new pulumi.Config("app").get("version");' },
  { what: "a required setting", text: 'new pulumi.Config().requireNumber("port");' },
  { what: "the stack's name", text: "pulumi.getStack();" },
  { what: "the project's name", text: "pulumi.getProject();" },
])("a file that uses $what of Pulumi is refused at that line", async ({ text }) => {
  const head = `import * as pulumi from "@pulumi/pulumi";
import { Image } from "slipway";
import { BuiltImage } from "slipway/pulumi";
export const api = Image.debianSlim();
export const rest = [pulumi, BuiltImage];
`;
  const { folder, exports } = load({ "x.ts": `${head}${text}\n` }, "x.ts");
  const error: unknown = await exports.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "PROGRAM_FILE",
    hint: "Keep Images in a file of their own, and import it in the program.",
    callSite: expect.stringContaining(`${folder}/x.ts:6:`),
  });
  expect(String(error)).toContain("x.ts: while it is loaded it creates a Pulumi resource, or asks for the stack");
});

test("a file that only defines what uses Pulumi is welcome", async () => {
  const text = `import { ComponentResource, Config, output } from "@pulumi/pulumi";
import { Image } from "slipway";
import { BuiltImage } from "slipway/pulumi";
export class Fleet extends ComponentResource {}
export const port = output(80);
export const config = new Config("app");
export const api = Image.debianSlim();
export const build = () => new BuiltImage(config.require("name"), { image: api });`;
  const exports = await load({ "x.ts": text }, "x.ts").exports;
  expect(Image.isImage(exports["api"])).toBe(true);
});
