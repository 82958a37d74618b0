import { describe, expect, it } from "vitest";
import { Image, Secret } from "../../sdk";
import { hasCredentials } from "../../sdk/credentials";
import { errorOf, sentencesOf } from "./errors";

const base = Image.debianSlim("3.11");
const token = Secret.fromEnv("TOKEN");
const hint =
  'Remove them. runCommands and pipInstall take { secrets: [Secret.fromEnv("TOKEN")] } and $TOKEN in their place.';

describe("a URL with credentials", () => {
  it.each<[string, () => unknown]>([
    ["command 1", () => base.runCommands("git clone https://user:s3cret@git.example/a.git")],
    ["command 2", () => base.runCommands("true", "curl https://s3cret@git.example/a.git")],
    ["command 1", () => base.runCommands("curl https://x:$TOKEN@git.example/a.git")],
    ["command 1", () => base.runCommands("curl https://x:s3cret@git.example", { secrets: [token] })],
    ["the value of DB", () => base.env({ DB: "postgres://app:s3cret@db.example/app" })],
    ["the value of DB", () => base.env({ DB: "https://$TOKEN@db.example/app" })],
    ["commands[0]", () => base.dockerfileCommands(["RUN curl https://s3cret@git.example"])],
    ["args[0]", () => base.cmd(["https://u:s3cret@git.example"])],
    ["indexUrl", () => base.pipInstall(["a"], { indexUrl: "https://$OTHER@i.example", secrets: [token] })],
    ["indexUrl", () => base.pipInstall(["a"], { indexUrl: "https://u:${TOKEN}x@i.example", secrets: [token] })],
    ["packages[0]", () => base.pipInstall(["a @ https://s3cret:$TOKEN2@i.example/a.whl"], { secrets: [token] })],
  ])("is refused in %s, and never shown", (name, call) => {
    const text = sentencesOf(call);
    expect(text).toContain(`: ${name} has a URL with credentials, which the image would show to everyone. ${hint}`);
    expect(JSON.stringify(errorOf(call)) + text).not.toContain("s3cret");
  });

  it.each<[string, () => Image]>([
    ["a declared secret", () => base.runCommands("curl https://x:$TOKEN@g.example", { secrets: [token] })],
    ["a file's content", () => base.runCommands("curl https://x:${T}@g.example", { secrets: [Secret.fromFile("t")] })],
    ["what a container has", () => base.cmd(["sh", "-c", "app https://$USER:$PASSWORD@g.example"])],
    ["a secret of pip", () => base.pipInstall(["a @ https://${TOKEN}@g.example/a.whl"], { secrets: [token] })],
  ])("is taken where it names %s", (_, call) => {
    expect(call().spec.steps).toHaveLength(1);
  });

  it.each([
    "git+ssh://git@g.example/a.git",
    "ssh://root@g.example",
    "git+https://git@g.example/a.git",
    "https://g.example/@scope/a",
    "https://g.example?mail=a@b.example",
    "see https://g.example, or write to a@b.example",
    "postgres://app@db.example",
    "<https://user:<password>@g.example>",
  ])("is not what %s has", (text) => {
    expect(hasCredentials(text, [])).toBe(false);
  });
});
