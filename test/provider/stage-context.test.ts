import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stageContext, type StagedContext } from "../../provider/stage-context";
import { Image } from "../../sdk/image";
import { enterFolder } from "../sdk/folder";
import { resolveImage } from "../sdk/specs";
import { expectCode } from "../fakes/registry-contract";

async function stage(folder: string, image: Image): Promise<StagedContext> {
  const spec = await resolveImage(image, folder);
  const { callSites, baseCallSite } = image;
  return stageContext({ spec, folder, callSites, baseCallSite, names: {}, report: {} });
}

const app = (): Image => Image.debianSlim("3.11").addLocalDir("src", "/app", { strategy: "copy" });

test("the Dockerfile and the files are staged under the program's folder, with modes that no umask decides", async () => {
  const folder = enterFolder({ "src/run.py": "print(1)", "src/empty/": "" });
  chmodSync(join(folder, "src/run.py"), 0o600);
  const { dockerfile, context, named } = await stage(folder, app());
  expect(readFileSync(join(folder, dockerfile), "utf8")).toBe(
    `FROM docker.io/library/python@sha256:${"a".repeat(64)}\nCOPY --link ["c/0/","/app/"]\n`,
  );
  expect(readdirSync(join(folder, context), { recursive: true, encoding: "utf8" }).sort()).toEqual([
    "c",
    "c/0",
    "c/0/empty",
    "c/0/run.py",
  ]);
  expect(statSync(join(folder, context, "c/0/run.py")).mode & 0o777).toBe(0o644);
  expect(named).toEqual({});
});

test("the same content is staged in the same place, once; other content elsewhere", async () => {
  const folder = enterFolder({ "src/run.py": "print(1)" });
  const first = await stage(folder, app());
  const { ino } = statSync(join(folder, first.context));
  expect(await stage(folder, app())).toEqual(first);
  expect(statSync(join(folder, first.context)).ino).toBe(ino);
  writeFileSync(join(folder, "src/run.py"), "print(2)");
  expect((await stage(folder, app())).context).not.toBe(first.context);
});

test("what somebody changed where it is staged is staged again", async () => {
  const folder = enterFolder({ "src/run.py": "print(1)" });
  const { context } = await stage(folder, app());
  const staged = join(folder, context, "c/0/run.py");
  writeFileSync(staged, "print(2)");
  await stage(folder, app());
  expect(readFileSync(staged, "utf8")).toBe("print(1)");
});

test("a file that changed after it was hashed is told, and nothing is left", async () => {
  const folder = enterFolder({ "src/run.py": "print(1)" });
  const image = app();
  const spec = await resolveImage(image, folder);
  writeFileSync(join(folder, "src/run.py"), "print(2)");
  const { callSites, baseCallSite } = image;
  const work = stageContext({ spec, folder, callSites, baseCallSite, names: {}, report: {} });
  await expectCode(work, "CONTEXT_CHANGED");
  expect(readdirSync(join(folder, "node_modules/.cache/slipway"))).toEqual([]);
});

test("an image without files has an empty context", async () => {
  const folder = enterFolder();
  const { context } = await stage(folder, Image.debianSlim("3.11").cmd(["true"]));
  expect(existsSync(join(folder, context))).toBe(true);
});
