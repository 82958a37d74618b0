import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { HttpServer } from "../fakes/http-server";

/** The file name of a small package, `slipway-canary`. */
export const WHEEL = "slipway_canary-1-py3-none-any.whl";

const writeWheel = `
import sys, zipfile
info = "slipway_canary-1.dist-info/"
files = {
    "slipway_canary.py": "",
    info + "METADATA": "Metadata-Version: 2.1\\nName: slipway-canary\\nVersion: 1\\n",
    info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}
files[info + "RECORD"] = "".join(name + ",,\\n" for name in [*files, info + "RECORD"])
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
`;

/** The wheel's bytes; it is made in the folder. */
export function makeWheel(folder: string): Buffer {
  const file = join(folder, WHEEL);
  execFileSync("python3", ["-c", writeWheel, file]);
  return readFileSync(file);
}

/** Makes the server an index with the package `slipway-canary`, for a user `user` with these passwords, or for them as users. */
export function servePrivateIndex(server: HttpServer, passwords: readonly string[], folder: string): void {
  const wheel = makeWheel(folder);
  const logins = passwords
    .flatMap((password) => [`user:${password}`, `${password}:`])
    .map((login) => `Basic ${Buffer.from(login).toString("base64")}`);
  server.reset(({ url, authorization }, response) => {
    if (authorization === undefined || !logins.includes(authorization)) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="index"' }).end();
    } else if (url === "/simple/slipway-canary/") {
      response.writeHead(200, { "content-type": "text/html" }).end(`<a href="/files/${WHEEL}">${WHEEL}</a>`);
    } else if (url === `/files/${WHEEL}`) {
      response.writeHead(200, { "content-type": "application/octet-stream" }).end(wheel);
    } else {
      response.writeHead(404).end();
    }
  });
}
