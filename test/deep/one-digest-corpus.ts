import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Image } from "../../sdk/image";
import { Secret } from "../../sdk/secret";

// Each process that builds reads this file: the tests, and `slipway image build` on other versions of Node.

/** A deterministic spec: whoever builds it, and however, is to get the same digest. */
export interface CorpusImage {
  readonly name: string;
  readonly make: () => Image;
}

/** What the secrets of the corpus are read from. */
export const secretVariables: Readonly<Record<string, string>> = { CORPUS_TOKEN: "corpus-token" };

const copy = { strategy: "copy" } as const;
const base = Image.debianSlim("3.11");
const run = (...commands: readonly string[]): Image => base.runCommands(...commands);
const python = (code: string): string => `python3 -c '${code}'`;

export const corpus: readonly CorpusImage[] = [
  { name: "a file", make: () => base.addLocalFile("conf.json", "/srv/conf.json", copy) },
  { name: "a folder with links, modes and odd names", make: () => base.addLocalDir("app", "/srv/app", copy) },
  {
    name: "copies into the system's folders, which are links",
    make: () =>
      base
        .addLocalFile("app/run.sh", "/bin/corpus", copy)
        .addLocalFile("app/run.sh", "/usr/local/bin/corpus", copy)
        .addLocalDir("app", "/var/run/corpus", copy),
  },
  {
    name: "settings alone",
    make: () =>
      base.env({ B: "two words", A: "1 $ ü" }).user("1000:1000").entrypoint(["python3"]).cmd(["-c", "print('\\n')"]),
  },
  {
    name: "settings, among them a folder, and copies",
    make: () =>
      base
        .workdir("/srv/app")
        .env({ A: "1" })
        .cmd(["python3", "main.py"])
        .addLocalDir("app", "/srv/app", copy)
        .addLocalFile("conf.json", "/home/conf.json", copy),
  },
  { name: "commands that write bytes", make: () => run("printf 'a\\n' > /a", "printf 'b' >> /a && cp /a /b") },
  {
    name: "commands that make modes, owners, links and hard links",
    make: () =>
      run(
        "mkdir -p /m/own && echo x > /m/own/x && ln /m/own/x /m/y && ln -s own/x /m/z",
        "chmod 4750 /m/own/x && chown -R 1234:4321 /m/own && chmod 1777 /m && mkfifo /m/pipe",
        "touch -d 2031-05-06 /m/own/x && touch -d 1999-01-01 /m/own",
      ),
  },
  {
    name: "commands that remove what is below them",
    make: () =>
      run(
        "mkdir -p /r/one /r/two && echo 1 > /r/one/a && echo 2 > /r/two/b",
        "rm /r/one/a && rm -r /r/two",
      ).runCommands("mkdir /r/two && echo 3 > /r/two/c && rm -rf /usr/share/bash-completion /etc/issue"),
  },
  {
    name: "a layer of 60 MB, half of it random",
    make: () =>
      run(
        python('import random; random.seed(8); open("/random", "wb").write(random.randbytes(30_000_000))'),
        python('import os; open("/zero", "wb").write(bytes(15_000_000) + b"text " * 3_000_000)'),
      ),
  },
  {
    name: "many files in folders of many entries",
    make: () => run("mkdir /n && cd /n && for i in $(seq 3000); do echo $i > f$((i * 7919 % 3001)); done"),
  },
  { name: "pip, pinned", make: () => base.pipInstall(["idna==3.10", "certifi==2024.8.30"]) },
  {
    name: "pip, with a compiled module and what it depends on",
    make: () => base.pipInstall(["jinja2==3.1.4", "markupsafe==2.1.5"]).pipInstall(["pyyaml==6.0.2"]),
  },
  {
    name: "pip, with wheels of the program",
    make: () =>
      base
        .addLocalDir("wheels", "/wheels", copy)
        .pipInstall(["corpus-package==1"], { findLinks: ["/wheels"], extraOptions: ["--no-index"] }),
  },
  {
    name: "pip, by a file of requirements",
    make: () => base.pipInstallFromRequirements("requirements.txt").addLocalDir("app", "/srv/app", copy),
  },
  {
    name: "pip, with uv",
    make: () => base.pipInstall(["six==1.17.0", "idna==3.10"], { installer: "uv" }).workdir("/srv"),
  },
  {
    // On a stored prefix, whose times are 0, none of this bytecode is valid.
    name: "pip, of a Python whose bytecode is checked by time",
    make: () =>
      run(
        "find /usr/lib/python3* -name '*.py' -exec touch -d 2020-01-01 {} + && " +
          "{ PYTHONHASHSEED=0 python3 -m compileall -qfj1 /usr/lib/python3.11 /usr/lib/python3/dist-packages || true; }",
      ).pipInstall(["idna==3.10"]),
  },
  {
    name: "lines of a Dockerfile",
    make: () =>
      base
        .dockerfileCommands(['SHELL ["/bin/bash", "-c"]', "EXPOSE 8080", "LABEL a=b"])
        .runCommands("[[ -n $BASH_VERSION ]] && echo $0 > /shell")
        .dockerfileCommands(["VOLUME /data", "HEALTHCHECK --retries=2 CMD true", "STOPSIGNAL SIGINT", "EXPOSE 9090"])
        .dockerfileCommands(["RUN <<EOF\necho here > /here\nEOF", "USER 1000", "WORKDIR relative"])
        .runCommands("id -u > /tmp/user && pwd > /tmp/where"),
  },
  {
    name: "lines of a Dockerfile that copy from another image and mount it",
    make: () =>
      base
        .dockerfileCommands(["COPY --from=python:3.11-slim-bookworm /etc/debian_version /etc/os-release /from/"])
        .dockerfileCommands(["RUN --mount=from=python:3.11-slim-bookworm,target=/other cp /other/etc/passwd /passwd"])
        .addLocalFile("conf.json", "/from/conf.json", copy),
  },
  {
    name: "variables that are made of others",
    make: () =>
      base
        .dockerfileCommands(["ENV PATH=/opt/bin:$PATH X=1"])
        .dockerfileCommands(["ENV PATH=$PATH:/late Y=${X}2"])
        .runCommands("echo $PATH $Y > /variables"),
  },
  {
    name: "an ARG, and an entrypoint behind a cmd",
    make: () =>
      run("true").cmd(["a"]).dockerfileCommands(["ARG X=1"]).runCommands("echo $X > /x").entrypoint(["/bin/echo"]),
  },
  {
    name: "copies below a command, into a folder that it makes a link",
    make: () =>
      base
        .addLocalDir("app", "/src", copy)
        .runCommands("mkdir -p /real && ln -s /real /link && cp /src/main.py /link/")
        .addLocalFile("conf.json", "/link/conf.json", copy)
        .workdir("/link"),
  },
  {
    name: "commands with secrets",
    make: () =>
      base
        .runCommands('test -n "$CORPUS_TOKEN" && echo got > /got', { secrets: [Secret.fromEnv("CORPUS_TOKEN")] })
        .runCommands("test -s /run/secrets/token && echo file > /file", { secrets: [Secret.fromFile("token")] }),
  },
  {
    name: "a Dockerfile with stages",
    make: () =>
      Image.fromDockerfile("docker/Dockerfile", { context: ".", target: "runtime", buildArgs: { WORD: "said" } }),
  },
  {
    name: "a Dockerfile with stages, and steps on it",
    make: () =>
      Image.fromDockerfile("docker/Dockerfile", { context: "." })
        .pipInstall(["idna==3.10"])
        .env({ A: "1" })
        .addLocalDir("app", "/srv/late", copy),
  },
];

const makeWheel = `
import sys, zipfile
info = "corpus_package-1.dist-info/"
files = {
    "corpus_package/__init__.py": "NAMES = {'b', 'a', 'c'}\\ndef f(x): return x in {1, 'two', (3, 4)}\\n",
    "corpus_package/data.txt": "data",
    info + "METADATA": "Metadata-Version: 2.1\\nName: corpus-package\\nVersion: 1\\n",
    info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    info + "entry_points.txt": "[console_scripts]\\ncorpus = corpus_package:f\\n",
}
files[info + "RECORD"] = "".join(name + ",,\\n" for name in [*files, info + "RECORD"])
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for name, text in files.items():
        wheel.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
`;

/** Writes the files that the corpus copies and reads, into the working directory. */
export function writeCorpusFiles(): void {
  const files: Readonly<Record<string, string>> = {
    "app/main.py": "print('main')\n",
    "app/lib/names.py": "NAMES = ['ä', 'z', 'Z']\n",
    "app/run.sh": "#!/bin/sh\necho ran\n",
    "app/a [b] $c 'd'/ü \"e\".txt": "odd",
    "conf.json": "{}\n",
    "requirements.txt": "-r more/base.txt\nsix==1.17.0\n",
    "more/base.txt": "idna == 3.10 ; python_version >= '3'\n",
    token: "token of a file\n",
    "docker/Dockerfile": dockerfile,
    "docker/Dockerfile.dockerignore": "*.log\n*.ts\ntoken\n",
    "app/x.log": "ignored by the Dockerfile",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  chmodSync("app/run.sh", 0o755);
  mkdirSync("app/empty");
  mkdirSync("wheels");
  symlinkSync("../lib", "app/empty/link");
  symlinkSync("nowhere", "app/broken");
  execFileSync("python3", ["-c", makeWheel, "wheels/corpus_package-1-py3-none-any.whl"]);
}

const dockerfile = `ARG TAG=3.11-slim-bookworm
FROM python:\${TAG} AS build
ARG WORD=unsaid
WORKDIR /src
COPY . .
RUN echo $WORD > /out && ls -A app >> /out && chmod 640 /out

FROM scratch AS unused
COPY nothing /nothing

FROM python:\${TAG} AS runtime
COPY --from=build --chown=1000:1000 /out /out
COPY --from=build --chmod=755 /src/app/run.sh /usr/local/bin/run
ADD app/lib /lib-files
ENV GREETING="hi there"
RUN run > /ran
CMD ["python3"]
`;
