// Compares the public API with the reports in docs/api/, which are reviewed like code; `--write` updates them.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { cloneFolder } from "../local/folders.mjs";

/** What a user can import with types, and its report. slipway/lifecycle is Pulumi's way in, not the user's. */
const entryPoints = [
  { name: "slipway", declarations: "dist/sdk/index.d.ts", report: "slipway.api.md" },
  { name: "slipway/pulumi", declarations: "dist/provider/index.d.ts", report: "slipway-pulumi.api.md" },
];

const isWriting = process.argv.includes("--write");
const temp = mkdtempSync(join(tmpdir(), "slipway-api-"));
try {
  for (const entryPoint of entryPoints) if (!(await isAsReported(entryPoint))) process.exitCode = 1;
} finally {
  rmSync(temp, { recursive: true, force: true });
}

/** @param {typeof entryPoints[number]} entryPoint */
async function isAsReported({ name, declarations, report }) {
  const mainEntryPointFilePath = join(cloneFolder, declarations);
  if (!existsSync(mainEntryPointFilePath)) {
    console.log(`${name}: ${declarations} does not exist; npm run build makes it`);
    return false;
  }
  const packageJsonFullPath = join(cloneFolder, "package.json");
  const configObject = {
    projectFolder: cloneFolder,
    mainEntryPointFilePath,
    compiler: {
      overrideTsconfig: {
        compilerOptions: { module: "nodenext", target: "es2022", types: ["node"], skipLibCheck: true },
      },
    },
    apiReport: {
      enabled: true,
      reportFileName: report,
      reportFolder: join(cloneFolder, "docs", "api"),
      reportTempFolder: temp,
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    // Files of ours have the same ends of lines on every system.
    newlineKind: /** @type {const} */ ("lf"),
    messages: {
      extractorMessageReporting: {
        "ae-missing-release-tag": { logLevel: ExtractorLogLevel.None, addToApiReportFile: false },
      },
    },
  };
  const config = ExtractorConfig.prepare({ configObject, configObjectFullPath: undefined, packageJsonFullPath });
  /** @type {string[]} */
  const findings = [];
  const { apiReportChanged, errorCount } = Extractor.invoke(config, {
    localBuild: isWriting,
    messageCallback: (message) => {
      if (message.logLevel === "error" || message.category === "Compiler")
        findings.push(message.formatMessageWithLocation(cloneFolder));
      message.handled = true;
    },
  });
  for (const finding of findings) console.log(`${name}: ${finding}`);
  if (isWriting) console.log(`docs/api/${report} ${apiReportChanged ? "written" : "is current"}`);
  else if (apiReportChanged)
    console.log(`${name}: the API differs from docs/api/${report}; npm run check -- --write updates it`);
  return errorCount === 0 && findings.length === 0 && (isWriting || !apiReportChanged);
}
