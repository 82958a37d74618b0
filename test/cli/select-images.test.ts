import { expect, test } from "vitest";
import { ImageLoader } from "../../cli/load-image";
import { selectImages } from "../../cli/select-images";
import { fakeTerminal } from "./fake-terminal";
import { temporaryFolder } from "./temporary-folder";

const header = 'const { Image } = require("slipway");\n';
const files = {
  "package.json": "{}",
  "services/b/images.js": `${header}exports.worker = Image.debianSlim();\nexports.api = Image.debianSlim();\nexports.port = 80;`,
  "services/a/images.js": `${header}exports.api = exports.default = Image.debianSlim();`,
  "services/a/node_modules/x/images.js": `${header}exports.other = Image.debianSlim();`,
  "services/none/images.js": "exports.port = 80;",
  "c#/images.js": `${header}exports.api = Image.debianSlim();`,
  "[id]/images.js": `${header}exports.api = Image.debianSlim();`,
  "broken/images.js": 'throw new Error("mine");',
};

async function select(words: readonly string[], shard?: { readonly part: number; readonly parts: number }) {
  const cwd = temporaryFolder(files);
  const terminal = fakeTerminal({ cwd });
  const { images, failures, isOne } = await selectImages(
    new ImageLoader(terminal),
    words.map((word) => word.replace("<cwd>", cwd)),
    shard,
  );
  const names = images.map(({ name }) => name.replace(cwd, "<cwd>"));
  const errors = failures.map(({ name, error }) => ({ name, error: String(error).replaceAll(cwd, "<cwd>") }));
  return { names, errors, isOne, notes: terminal.stderr(), folders: new Set(images.map(({ folder }) => folder)), cwd };
}

test("a pattern finds files and all their Images, sorted, and looks into no node_modules", async () => {
  const { names, errors, isOne, notes } = await select(["services/**/images.js#*"]);
  expect(names).toEqual(["services/a/images.js#api", "services/b/images.js#api", "services/b/images.js#worker"]);
  expect({ errors, isOne }).toEqual({ errors: [], isOne: false });
  expect(notes).toBe("services/none/images.js: it exports no Image, and is left out\n");
});

test("words keep their order, and an Image that two of them find is there once", async () => {
  const words = [
    "services/b/images.js#worker",
    "services/*/images.js#*",
    "./services/a/images.js",
    "services/{a,b}/*.js#api",
  ];
  const { names } = await select(words);
  expect(names).toEqual(["services/b/images.js#worker", "services/a/images.js#api", "services/b/images.js#api"]);
});

test("an absolute pattern finds absolute files", async () => {
  expect((await select(["<cwd>/services/a/*.js"])).names).toEqual(["<cwd>/services/a/images.js"]);
});

test("a file that is called like a pattern is that file", async () => {
  const { names, isOne, folders, cwd } = await select(["[id]/images.js"]);
  expect({ names, isOne }).toEqual({ names: ["[id]/images.js"], isOne: true });
  expect([...folders]).toEqual([cwd]);
});

test("a # in a folder's name divides nothing", async () => {
  expect((await select(["c#/images.js", "c#/*.js#*"])).names).toEqual(["c#/images.js"]);
  expect((await select(["c#/*.js#*"])).names).toEqual(["c#/images.js#api"]);
});

test("a word that matches no file is an error with a hint, and stops no other", async () => {
  const { names, errors } = await select(["servces/*/images.js#*", "gone.js", "services/a/images.js"]);
  expect(names).toEqual(["services/a/images.js"]);
  expect(errors.map(({ name }) => name)).toEqual(["servces/*/images.js#*", "gone.js"]);
  expect(errors[0]?.error).toBe(
    "SlipwayError: servces/*/images.js: no file matches (looked in <cwd>). A pattern is relative to the current folder, and matches nothing in node_modules.",
  );
});

test("a file that cannot be loaded, or lacks the export, is an error with its name, and stops no other", async () => {
  const { names, errors } = await select(["{broken,services/*}/images.js#worker"]);
  expect(names).toEqual(["services/b/images.js#worker"]);
  expect(errors.map(({ name }) => name)).toEqual([
    "broken/images.js#worker",
    "services/a/images.js#worker",
    "services/none/images.js#worker",
  ]);
  expect(errors[0]?.error).toContain("broken/images.js: loading it failed: mine.");
});

test("files of which none exports an Image are an error", async () => {
  const { errors } = await select(["services/none/*.js#*", "services/none/images.js#*"]);
  expect(errors.map(({ error }) => error.replace(/ Write:.*/, ""))).toEqual([
    "SlipwayError: services/none/*.js#*: no file that matches exports an Image (found services/none/images.js).",
    "SlipwayError: services/none/images.js: it exports no Image; it exports default, port.",
  ]);
});

test("a part without an Image is told, and is no error", async () => {
  const { names, errors, notes } = await select(["services/a/images.js"], { part: 1, parts: 2 });
  expect({ names, errors, notes }).toEqual({ names: ["services/a/images.js"], errors: [], notes: "" });
  const other = await select(["services/a/images.js"], { part: 2, parts: 2 });
  expect(other.names).toEqual([]);
  expect(other.errors).toEqual([]);
  expect(other.notes).toBe("shard 2/2: the one image is in another part, nothing to do\n");
});
