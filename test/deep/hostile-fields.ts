import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Image } from "../../sdk/image";
import { Secret } from "../../sdk/secret";

/** A place in the fluent API that takes a text. */
export interface Field {
  readonly name: string;
  /** Throws what the call throws. */
  readonly add: (image: Image, text: string) => Image;
  /** The command that a shell is to get, where it is one. */
  readonly command?: (text: string) => string;
  /** What the field takes, if it takes no word at all. */
  readonly harmless?: string;
}

const copy = { strategy: "copy" } as const;
const url = (text: string) => `https://host/${text}`;

/** Every scalar field. What is made on disk is made in `folder`, which holds a file `file` and a folder `dir`. */
export function hostileFields(folder: string): readonly Field[] {
  const file = join(folder, "file");
  const dir = join(folder, "dir");
  return [
    commandField("command", (text) => text),
    commandField("end of a command", (text) => `echo ${text}`),
    commandField("command of several lines", (text) => `true\n${text}\ntrue`),
    commandField("script", (text) => `#!/bin/sh\n${text}`),
    { name: "value of a variable", add: (image, text) => image.env({ A: "1", B: text, C: "3" }) },
    { name: "name of a variable", add: (image, text) => image.env({ [text]: "1" }) },
    { name: "end of a variable's name", add: (image, text) => image.env({ [`A${text}`]: "1", B: "2" }) },
    { name: "workdir", add: (image, text) => image.workdir(`/${text}`) },
    { name: "part of the workdir", add: (image, text) => image.workdir(`/srv/${text}/end`) },
    { name: "user", add: (image, text) => image.user(text) },
    { name: "group", add: (image, text) => image.user(`worker:${text}`) },
    { name: "entrypoint", add: (image, text) => image.entrypoint([text]) },
    { name: "argument of the entrypoint", add: (image, text) => image.entrypoint(["a", text, "b"]) },
    { name: "command's program", add: (image, text) => image.cmd([text]) },
    { name: "command's argument", add: (image, text) => image.cmd(["sh", "-c", text]) },
    { name: "apt package", add: (image, text) => image.aptInstall(["git", text]) },
    { name: "version of an apt package", add: (image, text) => image.aptInstall([`git=${text}`, "curl"]) },
    ...pipFields("pip"),
    ...pipFields("uv"),
    secretField("id of a secret", (text) => Secret.fromEnv("TOKEN", { id: text })),
    secretField("id of a secret file", (text) => Secret.fromFile(file, { id: text })),
    secretField("version of a secret", (text) => Secret.fromConfig("token", { version: text })),
    secretField("variable of a secret", (text) => Secret.fromEnv(text)),
    secretField("variable of a secret of the config", (text) => Secret.fromConfig("token", { env: text })),
    { name: "destination of a folder", add: (image, text) => image.addLocalDir(dir, `/${text}`, copy) },
    { name: "part of a folder's destination", add: (image, text) => image.addLocalDir(dir, `/srv/${text}/x`, copy) },
    { name: "folder of a file's destination", add: (image, text) => image.addLocalFile(file, `/srv/${text}/x`, copy) },
    { name: "name of a requirements file", add: (image, text) => addRequirements(image, folder, text) },
    { name: "base", add: (_, text) => Image.base(text) },
    { name: "tag of the base", add: (_, text) => Image.base(`host/base:${text}`), harmless: "latest" },
    { name: "Python version", add: (_, text) => Image.debianSlim(text), harmless: "3.11" },
  ];
}

function commandField(name: string, command: (text: string) => string): Field {
  return { name, add: (image, text) => image.runCommands(command(text)), command };
}

function secretField(name: string, secret: (text: string) => Secret): Field {
  return { name, add: (image, text) => image.runCommands("fetch", { secrets: [secret(text)] }) };
}

function pipFields(installer: "pip" | "uv"): readonly Field[] {
  const name = (what: string) => `${installer}: ${what}`;
  const install = (image: Image, packages: readonly string[], options: object = {}) =>
    image.pipInstall(packages, { installer, ...options });
  return [
    { name: name("package"), add: (image, text) => install(image, ["one", text, "two"]) },
    { name: name("URL of a package"), add: (image, text) => install(image, [`one @ ${url(text)}`, "two"]) },
    { name: name("index"), add: (image, text) => install(image, ["one"], { indexUrl: text }) },
    { name: name("URL of an index"), add: (image, text) => install(image, ["one"], { extraIndexUrls: [url(text)] }) },
    { name: name("place of wheels"), add: (image, text) => install(image, ["one"], { findLinks: [text] }) },
    { name: name("option"), add: (image, text) => install(image, ["one"], { extraOptions: ["--a", text, "--b"] }) },
  ];
}

/** A file of that name, where there can be one; else what is missing is refused. */
function addRequirements(image: Image, folder: string, text: string): Image {
  const name = `r${text}`;
  if (!/[/\0]/.test(name) && name.isWellFormed() && Buffer.byteLength(name) < 256)
    writeFileSync(join(folder, name), "");
  return image.pipInstallFromRequirements(join(folder, name));
}
