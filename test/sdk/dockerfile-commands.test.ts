import { describe, expect, it } from "vitest";
import { checkDockerfileCommand } from "../../sdk/dockerfile-commands";
import { Image } from "../../sdk/image";
import { errorOf } from "./errors";

const copyHint = 'Use addLocalFile or addLocalDir with { strategy: "copy" }: what they copy is part of the hash.';
const addHint = "What it fetches may change: give --checksum=sha256:…, or for git a full commit as #<sha>.";
const plainHint = "Write its flags plainly.";
const sha = "0123456789abcdef0123456789abcdef01234567";

describe("checkDockerfileCommand", () => {
  it.each([
    ["FROM x", "FROM.", "An image has one base: give it to Image.base(…)."],
    ["RUN a\nfrom x AS y", "FROM.", "An image has one base: give it to Image.base(…)."],
    [
      "# syntax=docker/dockerfile:1\nRUN a",
      'a "# syntax" directive.',
      "Leave it out: the builder's own Dockerfile frontend is used.",
    ],
    ["#escape=`\nRUN a", 'a "# escape" directive.', "Leave it out: the builder's own Dockerfile frontend is used."],
    ["COPY a /b", "COPY from the local context.", copyHint],
    ['copy --chmod=755 ["a","/b"]', "COPY from the local context.", copyHint],
    ["COPY <<A b /c\nA", "COPY from the local context.", copyHint],
    ["COPY --from=0 /a /b", "from=0: there is no other stage.", "Name an image."],
    [
      "COPY --from=Alpine /a /b",
      'from=Alpine: reference "Alpine": "Alpine" is not a repository path.',
      "Paths are lower-case letters, digits and single . _ - between them.",
    ],
    ['COPY "--from=alpine" /a /b', "COPY from the local context.", copyHint],
    ['COPY --fr"om=alpine" /a /b', "COPY with quotes or variables in a flag.", plainHint],
    ["ADD a.tar /b", "ADD from the local context.", copyHint],
    ["ADD ${URL} /b", "ADD from the local context.", copyHint],
    ["ADD https://host.example/a /b", "ADD https://host.example/a without a checksum.", addHint],
    ["ADD --checksum= https://host.example/a /b", "ADD https://host.example/a without a checksum.", addHint],
    ["ADD https://host.example/a.git#main /b", "ADD https://host.example/a.git#main without a checksum.", addHint],
    ["ADD git@host.example:a.git /b", "ADD git@host.example:a.git without a checksum.", addHint],
    ["RUN --mount=target=/src make", "RUN --mount=type=bind from the local context.", copyHint],
    ["RUN --mount=type=bind,source=.,target=/src make", "RUN --mount=type=bind from the local context.", copyHint],
    ['RUN --mount=type=cache,"from=alpine",target=/c a', "RUN with quotes or variables in a flag.", plainHint],
    ["RUN --mount=type=secret,id=x a", "RUN --mount=type=secret.", "Only bind, cache and tmpfs mounts are known here."],
    ["RUN --mount=type=ssh a", "RUN --mount=type=ssh.", "Only bind, cache and tmpfs mounts are known here."],
    ["RUN --security=insecure a", "RUN --security=insecure.", "Builders do not grant it; the step has to do without."],
    ["RUN --network=host a", "RUN --network=host.", "Leave it out: the builder decides which network its steps have."],
    [
      "ONBUILD RUN a",
      "ONBUILD.",
      "Its trigger would read what no hash covers; put the step into the images that need it.",
    ],
    [
      "ARG BUILDPLATFORM",
      "ARG of the builder's own platform.",
      "It differs between builders; use TARGETPLATFORM or TARGETARCH.",
    ],
    ["make install", "MAKE, which is no Dockerfile instruction.", "Use runCommands for a shell command."],
    ["# nothing", "no instruction.", 'Give Dockerfile instructions, for example "EXPOSE 8080".'],
    ["RUN a \\", "line 1: its last line ends in a continuation.", "Give each instruction as one complete string."],
    [
      "USER x\nRUN <<A\nb",
      "line 2: its here-document A has no end line.",
      "Give each instruction as one complete string.",
    ],
  ])("refuses %j", (text, found, hint) => {
    expect(checkDockerfileCommand(text)).toEqual({ found, hint });
  });

  it.each([
    "EXPOSE 8080",
    "RUN useradd -m worker",
    'RUN --mount=type=cache,target=/root/.cache --mount=type=tmpfs,target=/t ["make"]',
    "RUN <<EOF\nFROM x\nCOPY a b\nEOF",
    "COPY <<EOF /etc/motd\nhi\nEOF",
    `ADD --checksum=sha256:${"a".repeat(64)} https://host.example/a /b`,
    `ADD https://host.example/a.git#${sha} /b`,
    `ADD git@host.example:a.git#${sha}:docs /b`,
    "ARG VERSION=1\nENV V=$VERSION",
    'SHELL ["/bin/bash", "-c"]',
    "HEALTHCHECK --interval=30s CMD true",
    "run echo a \\\n # comment\n && echo b",
    'LABEL a=b\nVOLUME /data\nSTOPSIGNAL TERM\nWORKDIR /a\nUSER a\nENTRYPOINT ["a"]\nCMD b',
  ])("accepts %j", (text) => {
    expect(checkDockerfileCommand(text)).toBeUndefined();
  });
});

it("a refusal says which command, what to do, and carries its own code", () => {
  const error = errorOf(() => Image.debianSlim("3.11").dockerfileCommands(["USER a", "COPY . /app"]));
  expect(error.code).toBe("INVALID_DOCKERFILE");
  expect(error.text).toBe("dockerfileCommands([…]): commands[1] has COPY from the local context.");
  expect(error.hint).toBe(copyHint);
});

it("reads a long text of variables at once", () => {
  expect(() => Image.base("a").dockerfileCommands([`RUN echo ${"$$a".repeat(20_000)}`])).not.toThrow();
});
