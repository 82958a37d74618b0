import { expect, test } from "vitest";
import { chooseImage } from "../../cli/choose-image";
import { Image } from "../../sdk";

const api = Image.debianSlim("3.11");
const worker = Image.debianSlim("3.12");

test("a name picks its export", () => {
  expect(chooseImage("x.ts", "worker", { api, worker })).toBe(worker);
  expect(chooseImage("x.ts", "default", { default: api, worker })).toBe(api);
});

test("without a name the only Image is meant", () => {
  expect(chooseImage("x.ts", undefined, { api, port: 80, help: () => undefined })).toBe(api);
});

test("without a name the default export is meant, whatever else there is", () => {
  expect(chooseImage("x.ts", undefined, { api, default: worker })).toBe(worker);
});

test("a default export that is no Image does not hide the only one", () => {
  expect(chooseImage("x.ts", undefined, { api, default: 3 })).toBe(api);
});

test.each([
  {
    exports: { worker, api },
    name: undefined,
    message: "x.ts: it exports several Images, and no name is given. Its Images: x.ts#api, x.ts#worker.",
  },
  {
    exports: { port: 80, api },
    name: "gone",
    message: "x.ts: it has no export gone; it exports api, port. Its Images: x.ts#api.",
  },
  {
    exports: { api },
    name: "toString",
    message: "x.ts: it has no export toString; it exports api. Its Images: x.ts#api.",
  },
  {
    exports: { port: 80, list: [] },
    name: undefined,
    message: "x.ts: it exports no Image; it exports list, port. Write: export const api = Image.debianSlim();",
  },
  {
    exports: {},
    name: undefined,
    message: "x.ts: it exports no Image; it exports nothing. Write: export const api = Image.debianSlim();",
  },
  {
    exports: { port: 80, api },
    name: "port",
    message: "x.ts: its export port is a number, not an Image. Its Images: x.ts#api.",
  },
  {
    exports: { later: Promise.resolve(1) },
    name: "later",
    message: "x.ts: its export later is a Promise, not an Image. Write: export const api = Image.debianSlim();",
  },
])("$name of $exports is refused", ({ exports, name, message }) => {
  expect(() => chooseImage("x.ts", name, exports)).toThrow(expect.objectContaining({ code: "PROGRAM_FILE", message }));
});
