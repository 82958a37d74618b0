import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

/** What an example may use without saying where it comes from, and what stands for the reader's own files. */
const PRELUDE = `import { Image, Secret, SlipwayError } from "slipway";
import { BuiltImage, commonBases, ecrRepository, ociRepository, podTemplate, Mounts, Sandbox, toDockerBuild, WarmPool } from "slipway/pulumi";
void [Image, Secret, SlipwayError, BuiltImage, commonBases, ecrRepository, ociRepository, podTemplate, Mounts, Sandbox, toDockerBuild, WarmPool];
`;

/** The compiler reads the types of everything first. */
const timeout = 60_000;

test("every example of a public doc comment compiles", { timeout }, () => {
  const examples = sources().flatMap(readExamples);
  expect(examples.length).toBeGreaterThan(10);
  expect(compile(examples)).toEqual([]);
});

test("an example with a mistake does not compile", { timeout }, () => {
  const [message] = compile([{ name: "wrong-1", text: 'Image.debianSlim("3.11").pipInstal(["requests"]);' }]);
  expect(message).toContain("wrong-1");
  expect(message).toContain("pipInstal");
});

test("the README shows the example program as it is", () => {
  const readme = readFileSync("README.md", "utf8");
  for (const name of ["images.ts", "index.ts"]) {
    expect(readme).toContain(`// ${name}\n${readFileSync(join("examples/quickstart", name), "utf8").trim()}\n`);
  }
});

interface Example {
  readonly name: string;
  readonly text: string;
}

function sources(): readonly string[] {
  return ["sdk", "provider"].flatMap((folder) => ts.sys.readDirectory(folder, [".ts"]));
}

/** The fenced blocks behind `@example`. */
function readExamples(file: string): readonly Example[] {
  const text = readFileSync(file, "utf8");
  const blocks = [...text.matchAll(/@example\n\s*\* ```ts\n([\s\S]*?)\n\s*\* ```/g)].map((match) => match[1] ?? "");
  return blocks.map((block, index) => ({
    name: `${file.replaceAll("/", "-")}-${index + 1}`,
    text: block.replace(/^\s*\* ?/gm, ""),
  }));
}

function compile(examples: readonly Example[]): readonly string[] {
  const files = new Map(
    examples.map(({ name, text }) => [
      join(process.cwd(), "examples", `${name}.ts`),
      `${PRELUDE}{\n${unexport(text)}\n}\nexport {};\n`,
    ]),
  );
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ["node"],
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path) ?? readFile(path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const text = files.get(path);
    return text === undefined
      ? getSourceFile(path, languageVersion, ...rest)
      : ts.createSourceFile(path, text, languageVersion);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
    return `${diagnostic.file?.fileName ?? ""}: ${text}`;
  });
}

/** Each example stands in a block of its own. */
function unexport(text: string): string {
  return text.replace(/^export (const|let|function|class)/gm, "$1");
}
