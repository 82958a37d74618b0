import { chmodSync, symlinkSync, writeFileSync, existsSync, readFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import * as v from "valibot";
import { describeError } from "../sdk/error";
import type { FindCredentials } from "./credentials";

/** Docker takes this text for "there are none", and goes on without (docker-credential-helpers, credentials/error.go). */
const NONE = "credentials not found in native keychain";

/**
 * Makes a Docker configuration whose credential helper asks this process, at the moment in which they are needed: no
 * password is in a file, an argument or a variable. What the user's own configuration says of builders stays.
 *
 * @param folder empty, and readable by this user only
 * @returns what buildx needs in its environment to use it
 */
export async function makePrivateDocker(
  folder: string,
  findCredentials: FindCredentials,
  env: NodeJS.ProcessEnv,
): Promise<NodeJS.ProcessEnv> {
  const socket = join(folder, "credentials");
  await serve(socket, findCredentials);
  const script = join(folder, "helper.cjs");
  writeFileSync(script, HELPER, { mode: 0o600 });
  const command = join(folder, "docker-credential-slipway");
  // Not in the first line: it takes no spaces and not many characters.
  writeFileSync(command, `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(script)} ${quote(socket)} "$@"\n`);
  chmodSync(command, 0o700);
  const own = env["DOCKER_CONFIG"] || join(homedir(), ".docker");
  writeFileSync(join(folder, "config.json"), JSON.stringify({ credsStore: "slipway", ...keptSettings(own) }), {
    mode: 0o600,
  });
  if (existsSync(join(own, "contexts"))) symlinkSync(join(own, "contexts"), join(folder, "contexts"));
  return {
    DOCKER_CONFIG: folder,
    BUILDX_CONFIG: env["BUILDX_CONFIG"] || join(own, "buildx"),
    PATH: [folder, env["PATH"] ?? ""].join(delimiter),
  };
}

const settingsSchema = v.object({ currentContext: v.optional(v.string()) });

/** Where `docker buildx` and its builders are; nothing of who may log in. */
function keptSettings(folder: string): Readonly<Record<string, unknown>> {
  const plugins = { cliPluginsExtraDirs: [join(folder, "cli-plugins")] };
  try {
    return { ...plugins, ...v.parse(settingsSchema, JSON.parse(readFileSync(join(folder, "config.json"), "utf8"))) };
  } catch {
    return plugins;
  }
}

/** One line with a host in, one line of JSON out. */
async function serve(path: string, findCredentials: FindCredentials): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => {
      text += part;
      if (text.includes("\n")) void answer(socket, text.slice(0, text.indexOf("\n")), findCredentials);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  server.unref();
}

async function answer(socket: Socket, server: string, findCredentials: FindCredentials): Promise<void> {
  try {
    const found = await findCredentials(hostOf(server));
    if (found === undefined) socket.end(`${JSON.stringify({ error: NONE })}\n`);
    else {
      const [Username, Secret] =
        found.kind === "password" ? [found.username, found.password] : ["<token>", found.token];
      socket.end(`${JSON.stringify({ answer: { ServerURL: server, Username, Secret } })}\n`);
    }
  } catch (error) {
    socket.end(`${JSON.stringify({ error: describeError(error) })}\n`);
  }
}

/** Docker asks for a host; for Docker Hub, and in old logins, for a URL. */
function hostOf(server: string): string {
  if (server.includes("index.docker.io")) return "docker.io";
  return server.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}

const HELPER = `const { connect } = require("node:net");
const [path, action] = process.argv.slice(2);
const fail = (text) => { process.stdout.write(text + "\\n"); process.exitCode = 1; };
if (action !== "get") fail(action === "list" ? "{}" : "only get is known");
else {
  let host = "";
  process.stdin.on("data", (part) => (host += part)).on("end", () => {
    let text = "";
    const socket = connect(path, () => socket.write(host.trim() + "\\n"));
    socket.on("data", (part) => (text += part)).on("error", (error) => fail(error.message)).on("end", () => {
      const { answer, error } = JSON.parse(text);
      if (answer === undefined) fail(error);
      else process.stdout.write(JSON.stringify(answer));
    });
  });
}
`;

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
