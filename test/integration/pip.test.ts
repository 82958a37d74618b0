import { expect, test } from "vitest";
import { HttpServer } from "../fakes/http-server";
import { Image } from "../../sdk/image";
import { makeWheel, WHEEL } from "./private-index";
import { newFolder, newName, publish } from "./real-parts";
import { evaluateIn } from "./run-image";

const index = new HttpServer();
const modulesOfIdna = ["__init__", "codec", "compat", "core", "idnadata", "intranges", "package_data", "uts46data"];

/** Of each module of two packages its `.pyc`: how Python checks it (PEP 552), and whether it is the source's. */
const readCompiled = `
import glob, idna, importlib.util, six
def look(path):
    head = open(path, "rb").read(16)
    source = open(importlib.util.source_from_cache(path), "rb").read()
    return [int.from_bytes(head[4:8], "little"), head[8:] == importlib.util.source_hash(source)]
sources = [*glob.glob(os.path.dirname(idna.__file__) + "/*.py"), six.__file__]
print(json.dumps({os.path.basename(path): look(importlib.util.cache_from_source(path)) for path in sources}))`;

test("what pip and uv install is compiled, and its bytecode is checked by the hash of its source", async () => {
  const image = Image.debianSlim("3.11").pipInstall(["idna==3.10"]).pipInstall(["six==1.17.0"], { installer: "uv" });
  const { ref } = await publish(image);
  const compiled = await evaluateIn(ref, readCompiled);
  const byHash = [0b11, true];
  expect(compiled).toEqual({
    ...Object.fromEntries(modulesOfIdna.map((name) => [`${name}.py`, byHash])),
    "six.py": byHash,
  });
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
