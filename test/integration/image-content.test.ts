import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { Image } from "../../sdk/image";
import { imageBase } from "../sdk/specs";
import { newFolder, publish, readImage, resolveImage } from "./real-parts";
import { evaluateIn, runIn } from "./run-image";

const copy = { strategy: "copy" } as const;
const python = Image.debianSlim("3.11");

let folder = "";
beforeEach(() => {
  folder = newFolder();
  process.chdir(folder);
});

function write(path: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
  chmodSync(join(folder, path), mode);
}

const hostile: Readonly<Record<string, string>> = {
  QUOTES: `"double" 'single' \`back\``,
  DOLLARS: "$HOME ${PATH} $(id) $$ \\$HOME",
  BACKSLASHES: "\\ \\\\ \\n C:\\temp\\",
  UNICODE: "grüße 日本語 🚢",
  SPACES: "  two  spaces  ",
  EMPTY: "",
  COMMENT: "# no comment",
  ASSIGNMENT: "a=b=c",
  SHELL: "a && b || c; d > e | f & g * ? [h] ~ ! {i}",
};

test("an image has its packages, files, settings and user, exactly as declared", async () => {
  write("src/main.py", "print('main')", 0o600);
  write("src/run.sh", "#!/bin/sh\necho ran\n", 0o777);
  write("src/a [b] $c 'd'/ü \"e\".txt", "odd");
  mkdirSync(join(folder, "src/empty"), { mode: 0o700 });
  symlinkSync("../main.py", join(folder, "src/empty/link"));
  symlinkSync("nowhere", join(folder, "src/broken"));
  write("model.json", "{}", 0o640);

  const args = ["-c", ...Object.values(hostile), "two\nlines"];
  const image = python
    .pipInstall(["requests==2.32.3"])
    .env(hostile)
    .workdir("/with a space/$app")
    .user("1234:5678")
    .entrypoint(["python3", "-u"])
    .cmd(args)
    .addLocalDir("src", "/srv/app", copy)
    .addLocalFile("model.json", "/data/the model.json", copy);
  const { ref, hash } = await publish(image);

  const code = `
import requests
def look(path):
    s = os.lstat(path)
    return [oct(s.st_mode & 0o7777), s.st_uid, s.st_gid, s.st_mtime]
paths = []
for top, folders, files in os.walk("/srv/app"):
    paths += [os.path.join(top, name) for name in folders + files]
print(json.dumps({
    "requests": requests.__version__,
    "env": {name: os.environ[name] for name in ${JSON.stringify(Object.keys(hostile))}},
    "cwd": os.getcwd(), "ids": [os.getuid(), os.getgid()],
    "files": {path: look(path) for path in sorted(paths) if not os.path.islink(path)},
    "links": {path: os.readlink(path) for path in sorted(paths) if os.path.islink(path)},
    "folders": [look("/srv/app"), look("/data")],
    "model": [look("/data/the model.json"), open("/data/the model.json").read()],
    "odd": open("/srv/app/a [b] $c 'd'/ü \\"e\\".txt").read(),
    "ran": os.popen("/srv/app/run.sh").read(),
}))`;
  const root = (mode: string) => [mode, 0, 0, 0];
  expect(await evaluateIn(ref, code)).toEqual({
    requests: "2.32.3",
    env: hostile,
    cwd: "/with a space/$app",
    ids: [1234, 5678],
    files: {
      "/srv/app/a [b] $c 'd'": root("0o755"),
      "/srv/app/a [b] $c 'd'/ü \"e\".txt": root("0o644"),
      "/srv/app/empty": root("0o755"),
      "/srv/app/main.py": root("0o644"),
      "/srv/app/run.sh": root("0o755"),
    },
    links: { "/srv/app/broken": "nowhere", "/srv/app/empty/link": "../main.py" },
    folders: [root("0o755"), root("0o755")],
    model: [root("0o644"), "{}"],
    odd: "odd",
    ran: "ran\n",
  });

  const { manifest, config } = await readImage(ref);
  expect(config.config).toMatchObject({
    Entrypoint: ["python3", "-u"],
    Cmd: args,
    WorkingDir: "/with a space/$app",
    User: "1234:5678",
  });
  expect(config.config.Env?.slice(-Object.keys(hostile).length).sort()).toEqual(
    Object.entries(hostile)
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
  );

  // What identifies it, and what must not be in it.
  expect(manifest.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
  expect(manifest.annotations).toEqual({ "io.slipway.hash": hash });
  const { specs, basePlace } = await resolveImage(python);
  const { manifest: baseManifest, config: ofBase } = await readImage(`${basePlace}@${specs.map(imageBase)[0]?.digest}`);
  const inherited = baseManifest.layers.length;
  for (const [index, layer] of manifest.layers.entries()) {
    const compression = index < inherited ? "gzip" : "zstd";
    expect(layer.mediaType).toBe(`application/vnd.oci.image.layer.v1.tar+${compression}`);
    expect(layer.annotations).toBeUndefined();
  }
  expect(manifest.layers.length).toBeGreaterThan(inherited);
  expect(config.config.Labels).toEqual(ofBase.config.Labels);
  expect(config.created).toBe("1970-01-01T00:00:00Z");
  expect(JSON.stringify({ manifest, config })).not.toContain(folder);
});

test("a copy to /bin or below /usr/local leaves the system's own folders and links as they are", async () => {
  write("tool", '#!/bin/sh\necho "tool says $1"\n', 0o755);
  write("etc/own.conf", "own");
  const image = python
    .addLocalFile("tool", "/bin/x", copy)
    .addLocalFile("tool", "/usr/local/bin/y", copy)
    .addLocalDir("etc", "/etc", copy)
    .addLocalFile("tool", "/var/run/z", copy);
  const { ref } = await publish(image);
  const script = [
    "test -L /bin && test -L /var/run && test -f /etc/passwd",
    "x one; y two; /run/z three; cat /etc/own.conf",
  ].join("\n");
  expect(await runIn(ref, ["/bin/sh", "-ec", script])).toBe("tool says one\ntool says two\ntool says three\nown");
});

test("a user of the image runs it in a home of its own, and Dockerfile instructions count as written", async () => {
  const image = python
    .runCommands("useradd --create-home worker", 'set -e\necho "a \\"b\\" \\$c" > /greeting\ntest -s /greeting')
    .dockerfileCommands(["EXPOSE 8080", "ENV NAME=value", "USER worker", 'RUN ["/bin/sh", "-c", "touch ~/made"]'])
    .workdir("/home/worker");
  const { ref } = await publish(image);
  const script = 'id -un; pwd; ls; cat /greeting; echo "$NAME"; touch here';
  expect(await runIn(ref, ["/bin/sh", "-ec", script])).toBe('worker\n/home/worker\nmade\na "b" $c\nvalue\n');
  const { config } = await readImage(ref);
  expect(config.config.ExposedPorts).toEqual({ "8080/tcp": {} });
});

test("packages of Debian are installed, and what only logs is gone", async () => {
  const { ref } = await publish(python.aptInstall(["hello"]));
  const script =
    "hello --greeting=works; ls -A /var/lib/apt/lists; ls /var/log/apt /var/log/dpkg.log 2>/dev/null || true";
  expect(await runIn(ref, ["/bin/sh", "-ec", script])).toBe("works\n");
});

test("a requirements file brings along what it includes, by its own path", async () => {
  write("deploy/requirements/main.txt", "# all\n-r ../common/base.txt\n--constraint pins.txt\nidna\n");
  write("deploy/requirements/pins.txt", "idna==3.6\n");
  write("deploy/common/base.txt", "six == 1.16.0 \\\n  ; python_version >= '3'\n");
  const { ref } = await publish(python.pipInstallFromRequirements("deploy/requirements/main.txt"));
  const code = `
import six, importlib.metadata as m
print(json.dumps([six.__version__, m.version("idna"), os.path.exists("/tmp/slipway-requirements")]))`;
  expect(await evaluateIn(ref, code)).toEqual(["1.16.0", "3.6", false]);
});
