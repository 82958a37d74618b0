import { expect, test } from "vitest";
import { HttpServer } from "../fakes/http-server";
import { Image } from "../../sdk/image";
import { makeWheel, WHEEL } from "./private-index";
import { newFolder, newName, publish } from "./real-parts";
import { evaluateIn } from "./run-image";

const index = new HttpServer();
const modulesOfIdna = ["", ".codec", ".compat", ".core", ".idnadata", ".intranges", ".package_data", ".uts46data"].map(
  (name) => `idna${name}`,
);

/** Of modules by name their `.pyc`: how Python checks it (PEP 552), and whether it is the source's. */
const readCompiled = (modules: readonly string[]): string => `
import importlib.util
def look(path):
    head = open(importlib.util.cache_from_source(path), "rb").read(16)
    return [int.from_bytes(head[4:8], "little"), head[8:] == importlib.util.source_hash(open(path, "rb").read())]
print(json.dumps({name: look(importlib.util.find_spec(name).origin) for name in ${JSON.stringify(modules)}}))`;

function compiledByHash(modules: readonly string[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(modules.map((name) => [name, [0b11, true]]));
}

test("what pip and uv install is compiled, and its bytecode is checked by the hash of its source", async () => {
  const image = Image.debianSlim("3.11").pipInstall(["idna==3.10"]).pipInstall(["six==1.17.0"], { installer: "uv" });
  const { ref } = await publish(image);
  const modules = [...modulesOfIdna, "six"];
  expect(await evaluateIn(ref, readCompiled(modules))).toEqual(compiledByHash(modules));
});

test("what pip needs of Python's own modules is compiled for the image's programs, too", async () => {
  // A folder of programs is where pip is called, and one of them has the name of such a module.
  const program = "mkdir /app && echo 'raise SystemExit(9)' > /app/email.py";
  const image = Image.debianSlim("3.11").runCommands(program).workdir("/app").pipInstall(["six==1.17.0"]);
  const { ref } = await publish(image.workdir("/"));
  const modules = ["http.client", "email.message", "ssl", "logging", "subprocess", "argparse", "pip._vendor.rich"];
  expect(await evaluateIn(ref, readCompiled(modules))).toEqual(compiledByHash(modules));
});

test("a user who may not write to Python's folders installs for itself", async () => {
  const user = Image.debianSlim("3.11").runCommands("mkdir /own && chown 1000 /own").user("1000").env({ HOME: "/own" });
  const { ref } = await publish(user.pipInstall(["six==1.17.0"]));
  expect(await evaluateIn(ref, "import six\nprint(json.dumps(six.__file__))")).toMatch(/^\/own\/\.local\/.*six\.py$/);
});

test("a wheel is fetched once for all builds on a builder", async () => {
  const wheel = makeWheel(newFolder());
  index.reset(({ url }, response) => {
    if (url === `/${WHEEL}`) {
      response.writeHead(200, { "content-type": "application/octet-stream", "cache-control": "max-age=86400" });
      response.end(wheel);
    } else response.writeHead(200, { "content-type": "text/html" }).end(`<a href="/${WHEEL}">${WHEEL}</a>`);
  });
  const install = (): Image =>
    Image.debianSlim("3.11")
      .runCommands(`echo ${newName()}`) // So that the next step is run again.
      .pipInstall(["slipway-canary"], {
        indexUrl: `http://${index.host}/simple`,
        extraOptions: ["--trusted-host", index.host],
      });
  for (let build = 0; build < 2; build += 1) await publish(install());
  const urls = index.requests.map(({ url }) => url);
  expect(urls.filter((url) => url === "/simple/slipway-canary/")).toHaveLength(2);
  expect(urls.filter((url) => url === `/${WHEEL}`)).toHaveLength(1);
});
